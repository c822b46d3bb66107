package enclave

// Page asks for part of a list: at most Size items (the caller has applied its default and limit), those after the item that
// After names. After is opaque to clients; "" is the beginning.
type Page struct {
	Size  int
	After string
}
