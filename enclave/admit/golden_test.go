package admit

// The digests of testdata's modules. They were written by Attach: the guest of honest() in wasm_test.go, and a manifest alone.
const (
	goldenModule = "c0b2649aeb00e16a5f0b0272f846c369df1452d6aa0d935fb467fd497c11dc69"
	goldenSolo   = "d78a03ed42e28150ce34f2e4092942cafbe97a6dfa38e98c31bebb746dc23c03"
)
