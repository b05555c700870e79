// Command conformance is the driver of the Go client: it does one thing with it and reports what came of it, in the
// protocol of clients/conformance/README.md.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	spotreel "github.com/spotreel/spotreel/clients/go"
)

// request is what the driver is asked; the fields after Action are those of the actions.
type request struct {
	Server           string   `json:"server"`
	APIKey           string   `json:"api_key"`
	TLSCA            string   `json:"tls_ca"`
	TimeoutSeconds   *float64 `json:"timeout_seconds"`
	PatienceSeconds  *float64 `json:"patience_seconds"`
	HeartbeatSeconds *float64 `json:"heartbeat_seconds"`

	Action    string            `json:"action"`
	Name      string            `json:"name"`
	Spec      json.RawMessage   `json:"spec"`
	RequestID string            `json:"request_id"`
	PageSize  int32             `json:"page_size"`
	Labels    map[string]string `json:"labels"`
	Path      string            `json:"path"`
	To        string            `json:"to"`
	Overwrite bool              `json:"overwrite"`
	Video     string            `json:"video"`
	Subtitles string            `json:"subtitles"`
}

func main() {
	if err := drive(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func drive() error {
	input := bufio.NewReader(os.Stdin)
	line, err := input.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("no request: %w", err)
	}
	var asked request
	if err := json.Unmarshal(line, &asked); err != nil {
		return fmt.Errorf("the request is no JSON object: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go cancelWhenAsked(input, cancel)

	result, err := do(ctx, asked)
	var failure *spotreel.Error
	switch {
	case errors.Is(err, context.Canceled):
		report(event{"event": "cancelled"})
	case errors.As(err, &failure):
		report(errorEvent(failure))
	case err != nil:
		return err
	default:
		result["event"] = "result"
		report(result)
	}
	return nil
}

// cancelWhenAsked reads what comes after the request; {"cancel": true} is all that may.
func cancelWhenAsked(input *bufio.Reader, cancel context.CancelFunc) {
	var order struct {
		Cancel bool `json:"cancel"`
	}
	for decoder := json.NewDecoder(input); decoder.Decode(&order) == nil; {
		if order.Cancel {
			cancel()
			return
		}
	}
}

func do(ctx context.Context, asked request) (event, error) {
	action, known := actions[asked.Action]
	if !known {
		return nil, fmt.Errorf("no such action: %q", asked.Action)
	}
	options := []spotreel.Option{spotreel.WithAPIKey(asked.APIKey), spotreel.WithTLSCA(asked.TLSCA)}
	add := func(option func(time.Duration) spotreel.Option, seconds *float64) {
		if seconds != nil {
			options = append(options, option(time.Duration(*seconds*float64(time.Second))))
		}
	}
	add(spotreel.WithTimeout, asked.TimeoutSeconds)
	add(spotreel.WithPatience, asked.PatienceSeconds)
	add(spotreel.WithHeartbeat, asked.HeartbeatSeconds)
	client, err := spotreel.Dial(asked.Server, options...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return action(ctx, client, asked)
}
