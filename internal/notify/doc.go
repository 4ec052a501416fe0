// Package notify is the place of the Notifier port: alerts about a rollout for people, as chat messages. Each chat
// service will be one package below this one and one row of the manager's table of providers.
//
// There is no notifier yet. Canaries with alerts and the flags that name a chat service are accepted; nothing is sent,
// and the manager says so when it starts.
package notify
