// Package stackdriver asks Google Cloud Monitoring for values, through Google's client library. It answers the
// templates of type stackdriver.
//
// # Credentials
//
// The Secret holds `project` and may hold `serviceAccountKey`, the JSON key of a service account; keys of other kinds
// name addresses to call, so they are refused. Without a key the application default credentials serve, and without a
// Secret their project too. The address is not read.
//
// # What is taken for what
//
// A query, in the Monitoring Query Language, has one value: the first number of the first point of the first series. No
// series, no points, no value and NaN are metrics.ErrNoData; a value of another type and the code InvalidArgument are
// metrics.ErrQuery. All else is the provider's error, credentials among it.
package stackdriver
