package sdk_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/sdk"
)

// credential is self-signed: enough for its form, not for an enclave.
func credential(tb testing.TB) sdk.Credential {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "li"}, NotAfter: time.Now().Add(time.Hour).Truncate(time.Second)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	pem := sdk.EncodeCertificate(der)
	return sdk.Credential{
		Darkroom: 1, Address: "127.0.0.1:7443", ServerName: "localhost", CA: pem, Certificate: pem, LedgerKey: "darkroom.test+00000000+AAAA",
		Key: strings.ReplaceAll(sdk.EncodeCertificate(private), "CERTIFICATE", "PRIVATE KEY"),
	}
}

func TestCredentialFile(t *testing.T) {
	c := credential(t)
	path := filepath.Join(t.TempDir(), "c.json")
	if err := c.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, err %v", info.Mode(), err)
	}
	if read, err := sdk.ReadCredential(path); err != nil || read != c {
		t.Errorf("read %v, err %v", read, err)
	}
	if err := c.WriteFile(path); sdk.ReasonOf(err) != "CREDENTIAL_EXISTS" {
		t.Errorf("overwritten: %v", err)
	}
	if err := c.WriteFile(filepath.Join(path, "below")); sdk.ReasonOf(err) != "CREDENTIAL_UNWRITABLE" {
		t.Errorf("%v", err)
	}
	if _, err := sdk.ReadCredential(t.TempDir()); sdk.ReasonOf(err) != "CREDENTIAL_UNREADABLE" {
		t.Errorf("a directory: %v", err)
	}
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v %s", c, c, c)} {
		if strings.Contains(text, "PRIVATE") {
			t.Errorf("the key is printed: %s", text)
		}
	}
	if left := time.Until(c.Expires()); left <= 0 || left > time.Hour {
		t.Errorf("expires in %v", left)
	}
}

func TestMalformedCredentials(t *testing.T) {
	other := credential(t)
	for name, change := range map[string]func(map[string]any){
		"unknown field":   func(m map[string]any) { m["extra"] = 1 },
		"no version":      func(m map[string]any) { delete(m, "darkroom") },
		"later version":   func(m map[string]any) { m["darkroom"] = 2 },
		"no port":         func(m map[string]any) { m["address"] = "localhost" },
		"no server name":  func(m map[string]any) { m["server_name"] = "" },
		"no CA":           func(m map[string]any) { m["ca"] = "" },
		"no certificate":  func(m map[string]any) { delete(m, "certificate") },
		"another's key":   func(m map[string]any) { m["key"] = other.Key },
		"no ledger key":   func(m map[string]any) { delete(m, "ledger_key") },
		"a number for it": func(m map[string]any) { m["address"] = 7 },
		"too large":       func(m map[string]any) { m["address"] = strings.Repeat("a", 70_000) + ":1" },
	} {
		raw, err := json.Marshal(credential(t))
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(raw, &fields); err != nil {
			t.Fatal(err)
		}
		change(fields)
		if raw, err = json.Marshal(fields); err != nil {
			t.Fatal(err)
		}
		_, err = sdk.ParseCredential(raw)
		e, ok := errors.AsType[*sdk.Error](err)
		if !ok || e.Reason != "CREDENTIAL_MALFORMED" || e.Args["problem"] == "" || !strings.Contains(e.English, e.Args["problem"]) || e.Chinese == "" || strings.Contains(e.Chinese, e.Args["problem"]) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: the error holds the key", name)
		}
	}
	for _, raw := range []string{"", "null", "[]", "{}{}"} {
		if _, err := sdk.ParseCredential([]byte(raw)); sdk.ReasonOf(err) != "CREDENTIAL_MALFORMED" {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestTextsAreTheCatalogues(t *testing.T) {
	ours, err := os.ReadFile("messages.json")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile(filepath.Join("..", "enclave", "messages", "sdk.json"))
	if err != nil || string(ours) != string(theirs) {
		t.Errorf("sdk/messages.json and enclave/messages/sdk.json differ, err %v", err)
	}
}

func FuzzParseCredential(f *testing.F) {
	raw, err := json.Marshal(credential(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"darkroom":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := sdk.ParseCredential(raw)
		if err != nil {
			return
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := sdk.ParseCredential(again); err != nil || back != c {
			t.Fatalf("a credential changed when it was written and read: %v", err)
		}
	})
}
