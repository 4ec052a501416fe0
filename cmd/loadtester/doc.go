// Command loadtester serves the webhooks that start load, run tests and keep gates, see package loadtester.
//
//	main.go     flags -> options -> run          logging.go  the log's shape, which users parse
//	flags.go    names, defaults and help         server.go   HTTP until it is told to stop
//	options.go  what the values may be           tester.go   everything put together
package main
