package notify

import (
	"net/url"
	"testing"
)

func TestHushHidesWhatIsSent(t *testing.T) {
	address, err := url.Parse("http://me:s3cret@chat.test/room")
	if err != nil {
		t.Fatal(err)
	}
	to := room{Room: Room{Address: address, Token: "t0ken"}}
	const said = "no /room for me:s3cret, Basic bWU6czNjcmV0, Bearer t0ken"
	if got, want := to.hush(said), "no /*** for me:***, Basic ***, Bearer ***"; got != want {
		t.Errorf("a receiver knows the password as it was sent: want %q, got %q", want, got)
	}
}
