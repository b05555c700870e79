// Package spotreel is the client of Spotreel, a service that makes videos: it burns captions into them, puts sound to
// them, makes films of stills, cuts and joins them, on GPUs that it rents for the time it takes.
//
//	client, err := spotreel.Dial("video.example.com", spotreel.WithAPIKey(key))
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	job, err := client.Caption(ctx, "talk.mp4", "talk.srt", spotreel.RunOptions{To: "captioned.mp4"})
//
// What you can rely on:
//
//   - A job is created once, however often the call had to be repeated.
//   - A broken connection is taken up where it broke: a watch at the last change seen, a download at the last byte
//     stored, an upload at the last byte that the server has. See [WithPatience].
//   - A file has its name only when all of it has come and its size and SHA-256 agree.
//   - A context that ends calls the work off: [Client.Run] cancels the job and waits until it has ended, 30 s at most.
//   - All other failures are an [*Error].
//
// The messages of the contract are in the packages media/v1 and orchestrator/v1 beside this one.
package spotreel
