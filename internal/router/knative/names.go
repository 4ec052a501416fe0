package knative

// primaryAnnotation names the revision that serves.
const primaryAnnotation = "flagger.app/primary-revision"

// latestCreated is the field of the status with the name of the revision that Knative made last, and latestReady with
// that of the last one that could serve.
const (
	latestCreated = "latestCreatedRevisionName"
	latestReady   = "latestReadyRevisionName"
)
