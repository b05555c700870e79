package main

import (
	"encoding/json"
	"os"
	"strings"

	spotreel "github.com/spotreel/spotreel/clients/go"
	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// event is one line of the driver's output.
type event map[string]any

var output = json.NewEncoder(os.Stdout)

func report(line event) {
	if err := output.Encode(line); err != nil {
		panic(err) // nobody listens any more
	}
}

func reportProgress(progress spotreel.Progress) {
	line := event{
		"event": "progress", "step": strings.ReplaceAll(string(progress.Step), " ", "_"), "fraction": nil,
		"job": progress.Job.GetName(), "bytes_done": progress.BytesDone, "bytes_total": progress.BytesTotal,
	}
	if progress.Fraction != spotreel.UnknownFraction {
		line["fraction"] = progress.Fraction
	}
	report(line)
}

func errorEvent(failure *spotreel.Error) event {
	violations := []event{}
	for _, each := range failure.Violations {
		violations = append(violations, event{"field": each.Field, "description": each.Description})
	}
	line := event{
		"event": "error", "code": failure.Code, "reason": failure.Reason, "message": failure.Message,
		"metadata": failure.Metadata, "retry_delay_seconds": nil, "request_id": failure.RequestID,
		"violations": violations, "ffmpeg_log_tail": failure.Job.GetFailure().GetFfmpegLogTail(),
	}
	if failure.Metadata == nil {
		line["metadata"] = event{}
	}
	if failure.RetryDelay != nil {
		line["retry_delay_seconds"] = failure.RetryDelay.Seconds()
	}
	return line
}

// stateOf is the name of a state, or the number of one that has no name here.
func stateOf(job *orchestratorv1.Job) any {
	if name, known := orchestratorv1.Job_State_name[int32(job.GetState())]; known {
		return name
	}
	return job.GetState().Number()
}

func asJSON(message proto.Message) json.RawMessage {
	text, err := protojson.Marshal(message)
	if err != nil {
		panic(err) // what came from the wire can be written as JSON
	}
	return text
}
