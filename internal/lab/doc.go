// Package lab is an enclave without a server: the path of a run over rooms that are real (admission, aggregation, measurement, treatment, the
// audit of releases, the policy), with rows, releases and records in memory. It is for whoever attacks many times: the automatic search,
// and tests that want to see an attack succeed once the mechanism that stops it is switched off. No product code uses it.
package lab
