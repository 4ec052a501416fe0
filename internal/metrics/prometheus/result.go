package prometheus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"flagger.app/flagger/internal/metrics"
)

// answer is the part of the API's envelope that tells whether there is a value to decode.
type answer struct {
	Status string `json:"status"`
	Data   struct {
		Type   string          `json:"resultType"`
		Result json.RawMessage `json:"result"`
	} `json:"data"`
}

// checkResult returns nil for a result that the library decodes rightly. It takes null for 0 and knows no word for
// "nothing"; both mean metrics.ErrNoData here.
func checkResult(body []byte) error {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return fmt.Errorf("error unmarshaling result: %w", err)
	}
	switch {
	case a.Status != "success":
		return errors.New("error unmarshaling result: status is not success")
	case hasNull(a.Data.Result), string(a.Data.Result) == "[]":
		return metrics.ErrNoData
	case a.Data.Type == "matrix":
		return metrics.ErrMultipleValues
	case a.Data.Type == "string":
		return metrics.BadQuery(errors.New("query returned a string instead of a number"))
	}
	return nil
}

// hasNull says whether raw is missing or a null stands anywhere in it; labels cannot be null, so values are.
func hasNull(raw json.RawMessage) bool {
	tokens := json.NewDecoder(bytes.NewReader(raw))
	for read := 0; ; read++ {
		token, err := tokens.Token()
		switch {
		case err != nil:
			return read == 0
		case token == nil:
			return true
		}
	}
}
