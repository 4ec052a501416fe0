package stackdriver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	monitoring "cloud.google.com/go/monitoring/apiv3/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

// Keys of the Secret.
const (
	keyProject = "project"
	keyAccount = "serviceAccountKey"
)

const (
	// maxBody is how much of an answer is read, in bytes.
	maxBody = 4 << 20
	// idleTimeout is how long a connection that no query uses is kept.
	idleTimeout = 90 * time.Second
)

// access is who asks, and about which project.
type access struct {
	project string            // empty: that of the credentials
	account *auth.Credentials // nil: the application default ones
}

// newAccess reads the Secret.
func newAccess(cfg metrics.Config) (access, error) {
	if cfg.Provider.SecretRef == nil {
		return access{}, nil
	}
	project, ok := httpapi.SecretValue(cfg, keyProject)
	if !ok || project == "" {
		return access{}, httpapi.Lacks(cfg, "a project id")
	}
	key, ok := cfg.Credentials[keyAccount]
	if !ok {
		return access{project: project}, nil
	}
	account, err := credentials.NewCredentialsFromJSON(credentials.ServiceAccount, key, detection())
	if err != nil { // its text may quote the key
		return access{}, fmt.Errorf("%s credentials hold no key of a service account in %s", cfg.Provider.Type, keyAccount)
	}
	return access{project: project, account: account}, nil
}

// detection are the settings of credentials: tokens are signed here where the key allows it.
func detection() *credentials.DetectOptions {
	return &credentials.DetectOptions{Scopes: monitoring.DefaultAuthScopes(), UseSelfSignedJWT: true}
}

// open finds the credentials and makes a client with them. It connects with the first query.
func (a access) open(ctx context.Context) (*session, error) {
	account := a.account
	if account == nil {
		var err error
		if account, err = credentials.DetectDefault(detection()); err != nil {
			return nil, err
		}
	}
	project, err := a.projectOf(ctx, account)
	if err != nil {
		return nil, err
	}
	client, err := monitoring.NewQueryClient(context.WithoutCancel(ctx), append(settings(), option.WithAuthCredentials(account))...)
	if err != nil {
		return nil, err
	}
	return &session{client: client, project: project}, nil
}

func (a access) projectOf(ctx context.Context, account *auth.Credentials) (string, error) {
	if a.project != "" {
		return a.project, nil
	}
	project, err := account.ProjectID(ctx)
	if err == nil && project == "" {
		err = errors.New("the application default credentials are of no project; name one in a secret")
	}
	return project, err
}

// settings are those of every client.
func settings() []option.ClientOption {
	return []option.ClientOption{
		option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithIdleTimeout(idleTimeout)),
		option.WithGRPCDialOption(grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxBody))),
	}
}
