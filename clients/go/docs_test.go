package spotreel_test

import (
	"context"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
	"google.golang.org/grpc/codes"
)

// What the code blocks of the pages import; those that are whole programs say it themselves.
var imports = map[string]string{
	"context":        "context",
	"errors":         "errors",
	"fmt":            "fmt",
	"os":             "os",
	"signal":         "os/signal",
	"time":           "time",
	"spotreel":       "github.com/spotreel/spotreel/clients/go",
	"mediav1":        "github.com/spotreel/spotreel/clients/go/media/v1",
	"orchestratorv1": "github.com/spotreel/spotreel/clients/go/orchestrator/v1",
	"durationpb":     "google.golang.org/protobuf/types/known/durationpb",
}

const runBlocks = `package main

import (
	"context"
	"log"

	spotreel "github.com/spotreel/spotreel/clients/go"
)

func main() {
	client, err := spotreel.Dial("")
	if err != nil {
		log.Fatal(err)
	}
	for i, block := range blocks {
		if err := block(context.Background(), client); err != nil {
			log.Fatalf("block %d: %v", i+1, err)
		}
	}
}

`

// TestCodeOfThePages compiles all blocks of Go in the documentation and runs them, in their order, against a server.
func TestCodeOfThePages(t *testing.T) {
	s := serve(t)
	s.get = func(context.Context) (*orchestratorv1.Job, error) {
		return nil, refusal(codes.NotFound, "JOB_NOT_FOUND")
	}
	folder := inputs(t)
	var parts, sources []string
	for _, page := range []string{"README.md", filepath.Join("..", "..", "docs", "clients", "go.md")} {
		for _, block := range blocksOf(t, page, "go") {
			if formatted, err := format.Source([]byte(block)); err != nil || string(formatted) != block {
				t.Errorf("gofmt would write it otherwise (%v):\n%s", err, block)
			}
			if strings.HasPrefix(block, "package main") {
				run(t, s, folder, build(t, block))
				continue
			}
			name := fmt.Sprintf("block%d", len(parts)+1)
			parts = append(parts, name)
			sources = append(sources, asFunction(name, block))
		}
	}
	if len(parts) < 8 {
		t.Fatalf("only %d blocks were found", len(parts))
	}
	list := fmt.Sprintf("var blocks = []func(context.Context, *spotreel.Client) error{%s}\n", strings.Join(parts, ", "))
	sources = append(sources, runBlocks+list)
	output := run(t, s, folder, build(t, sources...))
	for _, want := range []string{"There is no such job", "JOB_NOT_FOUND It was refused. map[from:test]", "as request-1", "STATE_RUNNING"} {
		if !strings.Contains(output, want) {
			t.Errorf("%q was not printed, but:\n%s", want, output)
		}
	}
	for _, name := range []string{"readme.mp4", "captioned.mp4", "part.mp4", "interruptible.mp4", "again.mp4"} {
		assertFile(t, filepath.Join(folder, name), s.output)
	}
}

func TestThePageNamesTheModule(t *testing.T) {
	module, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	path := regexp.MustCompile(`(?m)^module (\S+)$`).FindSubmatch(module)[1]
	commands := blocksOf(t, filepath.Join("..", "..", "docs", "clients", "go.md"), "sh")
	if want := "go get " + string(path) + "\n"; commands[0] != want {
		t.Errorf("got %q, want %q", commands[0], want)
	}
}

func TestTheExampleShowsABar(t *testing.T) {
	s, folder := serve(t), inputs(t)
	s.mutex.Lock() // the client is another process, so nothing else says that this comes before its call
	s.watch = func(_ int, _ *orchestratorv1.WatchJobRequest, stream watchStream) error {
		encoding := job(running)
		encoding.Progress = &orchestratorv1.JobProgress{Stage: orchestratorv1.JobProgress_STAGE_ENCODING, Fraction: 0.5}
		_ = stream.Send(&orchestratorv1.WatchJobResponse{Sequence: 1, Job: encoding})
		return stream.Send(&orchestratorv1.WatchJobResponse{Sequence: 2, Job: job(succeeded)})
	}
	s.mutex.Unlock()
	output := run(t, s, folder, build(t, "./examples/caption"), "talk.mp4", "talk.srt", "example.mp4")
	if bar := "encoding       " + strings.Repeat("█", 20) + strings.Repeat("░", 20) + "  50 %"; !strings.Contains(output, bar) {
		t.Error(output)
	}
	assertFile(t, filepath.Join(folder, "example.mp4"), s.output)
}

// TestTheExampleTellsWhatBecameOfTheJob interrupts it when the job is watched, or before it was created.
func TestTheExampleTellsWhatBecameOfTheJob(t *testing.T) {
	program := build(t, "./examples/caption")
	for _, test := range []struct {
		name, said string
		prepare    func(s *server) (ready chan struct{})
		twice      bool
	}{
		{"cancelled", "Interrupted; the job was cancelled.", (*server).hangs, false},
		{"finished meanwhile", "Interrupted; jobs/job-0001 was last seen STATE_(QUEUED|RUNNING): `spotreel jobs cancel jobs/job-0001`.",
			func(s *server) chan struct{} {
				ready := s.hangs()
				s.cancel = func() (*orchestratorv1.Job, error) { return nil, refusal(codes.FailedPrecondition, "JOB_FINISHED") }
				return ready
			}, false},
		{"refused", "Interrupted.", func(s *server) chan struct{} {
			ready := make(chan struct{})
			s.create = func(*orchestratorv1.CreateJobRequest) (*orchestratorv1.Job, error) {
				close(ready)
				time.Sleep(300 * time.Millisecond) // until the interrupt is there
				return nil, refusal(codes.InvalidArgument, "INVALID_ARGUMENT")
			}
			return ready
		}, false},
		{"twice", "", func(s *server) chan struct{} {
			ready := s.hangs()
			s.cancel = func() (*orchestratorv1.Job, error) { return nil, refusal(codes.Unavailable, "SHUTTING_DOWN") }
			return ready
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, folder := serve(t), inputs(t)
			s.mutex.Lock()
			ready := test.prepare(s)
			s.mutex.Unlock()
			var output, said strings.Builder
			command := s.command(t, folder, program, "talk.mp4", "talk.srt", "interrupted.mp4")
			command.Stdout, command.Stderr = &output, &said
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			<-ready
			interrupt := func() { _ = command.Process.Signal(os.Interrupt) }
			interrupt()
			if test.twice {
				for s.calls("CancelJob") == 0 {
					time.Sleep(10 * time.Millisecond)
				}
				interrupt()
			}
			_ = command.Wait()
			status := command.ProcessState.ExitCode()
			if test.twice {
				if status != -1 {
					t.Errorf("it was not ended by the signal, but with %d", status)
				}
				return
			}
			if status != 130 || !regexp.MustCompile("\n"+test.said+"\n$").MatchString(said.String()) || output.String() != "" {
				t.Errorf("status %d, said %q, output %q", status, said.String(), output.String())
			}
			assertMissing(t, filepath.Join(folder, "interrupted.mp4.part"))
		})
	}
}

func TestTheExampleFailsWithOne(t *testing.T) {
	s, folder := serve(t), inputs(t)
	write(t, filepath.Join(folder, "there.mp4"), []byte("old"))
	command := s.command(t, folder, build(t, "./examples/caption"), "talk.mp4", "talk.srt", "there.mp4")
	text, _ := command.CombinedOutput()
	if command.ProcessState.ExitCode() != 1 || !strings.Contains(string(text), "there.mp4 exists already") {
		t.Errorf("status %d, %s", command.ProcessState.ExitCode(), text)
	}
}

func blocksOf(t *testing.T, page, language string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllSubmatch(text, -1) {
		blocks = append(blocks, string(found[1]))
	}
	return blocks
}

func asFunction(name, block string) string {
	var text strings.Builder
	text.WriteString("package main\n\n")
	for alias, path := range imports {
		if strings.Contains(block, alias+".") || alias == "context" || alias == "spotreel" {
			fmt.Fprintf(&text, "import %s %q\n", alias, path)
		}
	}
	// A block may return, or not, and may name what it is given anew.
	fmt.Fprintf(&text, "\nfunc %s(ctx context.Context, client *spotreel.Client) error {\n{\n%s}\nreturn nil\n}\n", name, block)
	return text.String()
}

// build compiles a package of this module, or a program of these texts, and returns where it is.
func build(t *testing.T, what ...string) (program string) {
	t.Helper()
	folder := t.TempDir()
	program = filepath.Join(folder, "program")
	arguments := []string{"build", "-o", program}
	for i, each := range what {
		if strings.HasPrefix(each, "package main") {
			file := filepath.Join(folder, fmt.Sprintf("part%d.go", i))
			write(t, file, []byte(each))
			each = file
		}
		arguments = append(arguments, each)
	}
	// Files that lie elsewhere are compiled as if they were in this module.
	output, err := exec.CommandContext(t.Context(), "go", arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return program
}

// command is a program that speaks to the server.
func (s *server) command(t *testing.T, folder, program string, arguments ...string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), "SPOTREEL_SERVER="+s.address, "SPOTREEL_API_KEY=key", "SPOTREEL_TLS_CA=")
	return command
}

func run(t *testing.T, s *server, folder, program string, arguments ...string) (output string) {
	t.Helper()
	text, err := s.command(t, folder, program, arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return string(text)
}

func inputs(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	write(t, filepath.Join(folder, "talk.mp4"), []byte("a video"))
	write(t, filepath.Join(folder, "talk.srt"), []byte("1\n00:00:00,000 --> 00:00:01,000\nHello\n"))
	return folder
}
