// Package cloudwatch asks Amazon CloudWatch for values, through the AWS SDK. It answers the templates of type cloudwatch.
//
// # Credentials
//
// They come from where the SDK looks: the environment, a web identity (IRSA), EKS Pod Identity, the instance's role. A
// Secret may hold `aws_access_key_id`, `aws_secret_access_key` and `aws_session_token` instead; Flagger reads no
// Secret here, so one without these keys is left alone. The address is not read; the SDK's own variables, such as
// AWS_ENDPOINT_URL_CLOUDWATCH, are.
//
// # What is taken for what
//
// A query is a JSON array of metric data queries with the names of the API. It has one value: the newest of the first
// result, in a window of ten intervals. No result, no values and NaN are metrics.ErrNoData. Bad JSON, and what
// CloudWatch calls a bad parameter, are metrics.ErrQuery. All else is the provider's error, credentials among it.
//
// The SDK tries up to three times more, in quick succession: all of them must fit into the deadline of a query.
package cloudwatch
