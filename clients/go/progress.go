package spotreel

import orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"

// Step is what is being done.
type Step string

// The steps: first and last on this machine, in between on the server (JobProgress.Stage).
const (
	StepUploading     Step = "uploading"
	StepWaiting       Step = "waiting"
	StepProvisioning  Step = "provisioning"
	StepPullingImage  Step = "pulling image"
	StepFetchingInput Step = "fetching input"
	StepEncoding      Step = "encoding"
	StepTransferring  Step = "transferring"
	StepVerifying     Step = "verifying"
	StepCancelling    Step = "cancelling"
	StepDownloading   Step = "downloading"
	// StepDone says that the job is final, whatever became of it.
	StepDone Step = "done"
)

// UnknownFraction is Progress.Fraction where it cannot be known.
const UnknownFraction = -1.0

// Progress is a moment of the work, on this machine or on the server.
type Progress struct {
	Step Step
	// Fraction is 0 to 1 within the step, or UnknownFraction.
	Fraction float64
	// Job is the job as it is now; nil until it was created, and while bytes move.
	Job *orchestratorv1.Job
	// File, BytesDone and BytesTotal belong to uploads and downloads. BytesTotal is 0 while it is not known.
	File       string
	BytesDone  int64
	BytesTotal int64
}

// OnProgress is told of progress, in the goroutine that does the work: at once, in order, and better not for long.
type OnProgress func(Progress)

func (f OnProgress) tell(progress Progress) {
	if f != nil {
		f(progress)
	}
}

// bytesMoved is told of bytes of one file.
func (f OnProgress) bytesMoved(step Step, file string) func(done, total int64) {
	return func(done, total int64) {
		progress := Progress{Step: step, Fraction: UnknownFraction, File: file, BytesDone: done, BytesTotal: total}
		if total > 0 {
			progress.Fraction = float64(done) / float64(total)
		}
		f.tell(progress)
	}
}

var steps = map[orchestratorv1.JobProgress_Stage]Step{
	orchestratorv1.JobProgress_STAGE_PROVISIONING:   StepProvisioning,
	orchestratorv1.JobProgress_STAGE_PULLING_IMAGE:  StepPullingImage,
	orchestratorv1.JobProgress_STAGE_FETCHING_INPUT: StepFetchingInput,
	orchestratorv1.JobProgress_STAGE_ENCODING:       StepEncoding,
	orchestratorv1.JobProgress_STAGE_TRANSFERRING:   StepTransferring,
	orchestratorv1.JobProgress_STAGE_VERIFYING:      StepVerifying,
}

// progressOf makes what callers are shown of what the server says.
func progressOf(job *orchestratorv1.Job) Progress {
	progress := Progress{Fraction: UnknownFraction, Job: job}
	switch {
	case job.GetState() == orchestratorv1.Job_STATE_SUCCEEDED:
		progress.Step, progress.Fraction = StepDone, 1
	case IsFinal(job):
		progress.Step = StepDone
	case job.GetState() == orchestratorv1.Job_STATE_CANCELLING:
		progress.Step = StepCancelling
	default:
		progress.Step, progress.Fraction = stepOf(job.GetProgress())
	}
	return progress
}

// stepOf takes a stage of a newer server for waiting.
func stepOf(progress *orchestratorv1.JobProgress) (Step, float64) {
	step, known := steps[progress.GetStage()]
	switch {
	case !known:
		return StepWaiting, UnknownFraction
	case step == StepProvisioning || step == StepPullingImage:
		// Nobody knows before how long they take.
		return step, UnknownFraction
	default:
		return step, progress.GetFraction()
	}
}
