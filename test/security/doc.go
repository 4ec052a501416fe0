// Package security plays those who mean harm: endpoints at the addresses that tenants write into their objects, and the
// way between the operator and its API server, where every request can be seen. Tests of other packages use it.
package security
