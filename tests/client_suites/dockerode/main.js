// Lists, creates, attaches and executes with dockerode, the engine taken from the environment as `docker` does.
const Docker = require("dockerode");

const docker = new Docker();

/// What a raw stream brings until it ends.
function collect(stream) {
  return new Promise((resolve, reject) => {
    const { PassThrough } = require("stream");
    const out = new PassThrough();
    let text = "";
    out.on("data", (piece) => (text += piece));
    docker.modem.demuxStream(stream, out, out);
    stream.on("end", () => setImmediate(() => resolve(text.trim())));
    stream.on("error", reject);
  });
}

async function main() {
  const images = await docker.listImages();
  console.log("listed", images.some((image) => (image.RepoTags || []).includes("probe:1")));
  const container = await docker.createContainer({
    Image: "probe:1",
    Cmd: ["cat"],
    OpenStdin: true,
    StdinOnce: true,
    HostConfig: { NetworkMode: "none" },
  });
  const attached = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
  const said = collect(attached);
  await container.start();
  const command = { Cmd: ["cat"], AttachStdin: true, AttachStdout: true };
  const exec = await (await container.exec(command)).start({ hijack: true, stdin: true });
  const executed = collect(exec);
  exec.end("in exec\n");
  console.log("executed", await executed);
  attached.end("in attach\n");
  console.log("attached", await said);
  console.log("ended", (await container.wait()).StatusCode);
  await container.remove();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
