// Package identity is the domain's certificate authority: it is made once, on the first start, and says who a caller is.
//
// A caller is named by one URI in its client certificate, darkroom://domain/{role}/{org}/{name}, and by nothing else: the common name
// is for people. Certificates are not revoked here; they are short-lived, and the access policy can refuse a name at any moment.
package identity
