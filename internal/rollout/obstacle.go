package rollout

import (
	"time"

	"flagger.app/flagger/api/v1beta1"
)

// obstacleRetry is how soon to look again for what no watch may report, such as a permission that was given.
const obstacleRetry = 30 * time.Second

// obstructed holds the canary for what keeps its target from being copied, and says so once.
func (d *draft) obstructed() *draft {
	d.stall = note{reason: ReasonObstructed, message: d.in.Obstacle}
	if d.in.condition(v1beta1.StalledCondition) != d.stall {
		d.warn(ReasonObstructed, d.in.Obstacle)
	}
	return d.after(obstacleRetry)
}
