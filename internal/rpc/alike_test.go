package rpc_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/darkroom-project/darkroom/enclave"
)

// TestTheTablesKnowEveryRPC names what whoever adds an RPC has forgotten: its row in the matrix, its good request.
func TestTheTablesKnowEveryRPC(t *testing.T) {
	all, requests, rows := methods(t), valid(t), map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(matrix), "\n")[1:] {
		name := strings.Fields(line)[0]
		if rows[name] {
			t.Errorf("%s has two rows in the matrix", name)
		}
		if rows[name] = true; all[name] == nil {
			t.Errorf("%s has a row in the matrix, and is no RPC", name)
		}
	}
	for name := range all {
		if !rows[name] {
			t.Errorf("%s has no row in the matrix: say what each role gets of it", name)
		}
		if len(requests[name]) == 0 {
			t.Errorf("%s has no good request among the valid ones", name)
		}
	}
	for name := range requests {
		if all[name] == nil {
			t.Errorf("there is a request for %s, which is no RPC", name)
		}
	}
}

// TestRefusalsAreAlike calls every RPC as everybody, with objects there and with none. Whoever may not call it is told the same in both worlds, to
// the byte, and no more than the method, the role that it has, the roles that the rules let call it, and the owner that it named; without a credential, the same of all RPCs.
// And nothing has happened.
func TestRefusalsAreAlike(t *testing.T) {
	d := start(t)
	all, requests := methods(t), valid(t)
	var strange proto.Message // what is said without a credential
	for _, who := range everybody() {
		conn := d.connect(t, who)
		for name, m := range all {
			d.forget()
			_, there := call(t, conn, m, requests[name]...)
			code := status.Code(there)
			if code != codes.Unauthenticated && code != codes.PermissionDenied {
				if who == nobody {
					t.Errorf("%s without a credential: %v", name, there)
				}
				continue // see the matrix, and the test of what is missing
			}
			d.set(func(f *fakes) { f.gone = true })
			_, none := call(t, conn, m, requests[name]...)
			d.set(func(f *fakes) { f.gone = false })
			if !proto.Equal(status.Convert(there).Proto(), status.Convert(none).Proto()) {
				t.Errorf("%s by %v: with objects %v, without %v", name, who, there, none)
			}
			if who == nobody && strange == nil {
				strange = status.Convert(there).Proto()
			}
			if (who == nobody) != proto.Equal(status.Convert(there).Proto(), strange) {
				t.Errorf("%s by %v: %v, without a credential %v", name, who, there, strange)
			}
			for key, value := range detailsOf(there).info.GetMetadata() {
				if key == "roles" {
					for role := range strings.SplitSeq(value, ", ") {
						if !slices.Contains(enclave.Roles(), enclave.Role(role)) || role == string(who.Role) {
							t.Errorf("%s by %v: the role %q may call it", name, who, role)
						}
					}
					continue
				}
				if value != string(m.Name()) && value != string(who.Role) && value != "health" {
					t.Errorf("%s by %v tells of %s %q", name, who, key, value)
				}
			}
			d.untouched(t, name, who)
		}
	}
}

// TestForbiddenLooksLikeWhatNeverWas asks for another's object and for one that never was. The answers are the same but for the name that the
// caller itself wrote.
func TestForbiddenLooksLikeWhatNeverWas(t *testing.T) {
	d := start(t)
	requests, asked := valid(t), 0
	for _, who := range everybody()[1:] {
		conn := d.connect(t, who)
		for name, m := range methods(t) {
			d.forget()
			_, forbidden := call(t, conn, m, requests[name]...)
			if status.Code(forbidden) != codes.NotFound {
				continue
			}
			asked++
			d.untouched(t, name, who)
			d.set(func(f *fakes) { f.gone = true })
			_, missing := call(t, conn, m, renamed(t, requests[name])...)
			d.set(func(f *fakes) { f.gone = false })
			if want, got := said(missing), said(forbidden); got != want {
				t.Errorf("%s by %v:\nforbidden %s\nmissing   %s", name, who, got, want)
			}
		}
	}
	if asked < 20 {
		t.Errorf("%d calls for another's object", asked)
	}
}

// forget begins anew to see what a call does.
func (d *domain) forget() { d.set(func(f *fakes) { f.acts, f.loaded = nil, nil }) }

// untouched checks that a call that was refused did nothing.
func (d *domain) untouched(t *testing.T, name string, who enclave.Caller) {
	t.Helper()
	d.set(func(f *fakes) {
		if len(f.acts)+len(f.loaded) > 0 {
			t.Errorf("%s by %v was refused, and left %v %q", name, who, f.acts, f.loaded)
		}
	})
}

// others are names of the same form as those of the objects that there are.
func others() *strings.Replacer {
	never := enclave.DigestOf([]byte("never")).String()
	return strings.NewReplacer(
		grantID, strings.Repeat("x", 26), runID, strings.Repeat("x", 26), proposalID, strings.Repeat("x", 26),
		moduleDigest.String(), never, snapDigest.String(), never, "visits", "nothing", "entries/7", "entries/9",
	)
}

// renamed are the same requests for objects that never were.
func renamed(t *testing.T, requests []proto.Message) []proto.Message {
	t.Helper()
	list := make([]proto.Message, len(requests))
	for i, request := range requests {
		raw, err := protojson.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		list[i] = request.ProtoReflect().New().Interface()
		if err := protojson.Unmarshal([]byte(others().Replace(string(raw))), list[i]); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// said is all that an error says, with the names that never were for those that there are.
func said(err error) string {
	d := detailsOf(err)
	text := fmt.Sprintf("%v %q %v %v %v %v %q", status.Code(err), status.Convert(err).Message(), d.info.GetReason(), d.info.GetMetadata(), d.bad, d.others, d.locales)
	return strings.NewReplacer("7", "9").Replace(others().Replace(text)) // an entry is told by its number alone
}
