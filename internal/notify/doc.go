// Package notify tells people of rollouts, as messages in their chats. It holds the port, a Service, and the Notifier
// that feeds it; a folder below holds one chat service, or several that speak the same format, and notifytest the
// suite that all of them pass.
//
// The core decides which events alert and how severe that is. Alert chooses the receivers, which are the canary's own
// or else the operator's, and queues one message for each; it never blocks. Run looks up the AlertProvider and its
// Secret when a message is about to be sent, so that a token that has just been changed is the one that is used. Each
// receiver gets the messages of all canaries in order and one at a time, as chat services limit how many they take, and
// one that hangs keeps a single worker. A receiver that falls behind loses its oldest messages. Time-outs are retried, so
// a message may arrive twice.
//
// Addresses and tokens are secrets. Neither is in any log, whoever repeats them.
//
// What differs on purpose from Flagger 1.44:
//   - an alert without a severity takes all, as the documentation says;
//   - a message is retried, and waits its turn without holding anybody up;
//   - Slack's refusals within a 200 are errors, as are those of an Office connector;
//   - Teams gets an Adaptive Card where the address is a workflow's, which takes nothing else;
//   - Discord's suffix /slack is added to the path, so a query stays one;
//   - texts in Google Chat are escaped;
//   - a proxy may be given without its scheme;
//   - redirects are followed within the same host alone;
//   - without -slack-channel the channel is general, as in an AlertProvider.
package notify
