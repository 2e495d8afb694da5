//! Lists, creates, attaches and executes with bollard, the engine taken from the environment as `docker` does.

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    AttachContainerOptions, CreateContainerOptions, ListImagesOptions, RemoveContainerOptions,
    StartContainerOptions, WaitContainerOptions,
};
use bollard::Docker;
use futures_util::{Stream, TryStreamExt};
use tokio::io::AsyncWriteExt;

type Error = Box<dyn std::error::Error>;

/// What a raw stream brings until it ends.
async fn collect(
    output: impl Stream<Item = Result<LogOutput, bollard::errors::Error>>,
) -> Result<String, Error> {
    let pieces: Vec<LogOutput> = output.try_collect().await?;
    let text: String = pieces.iter().map(ToString::to_string).collect();
    Ok(text.trim().to_owned())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let docker = Docker::connect_with_ssl_defaults()?;
    let images = docker.list_images(None::<ListImagesOptions>).await?;
    let is_probe = |tags: &Vec<String>| tags.iter().any(|tag| tag == "probe:1");
    println!("listed {}", images.iter().any(|image| is_probe(&image.repo_tags)));
    let body = ContainerCreateBody {
        image: Some("probe:1".into()),
        cmd: Some(vec!["cat".into()]),
        open_stdin: Some(true),
        stdin_once: Some(true),
        host_config: Some(HostConfig {
            network_mode: Some("none".into()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let id = docker.create_container(None::<CreateContainerOptions>, body).await?.id;
    let options = AttachContainerOptions {
        stream: true,
        stdin: true,
        stdout: true,
        stderr: true,
        ..AttachContainerOptions::default()
    };
    let mut attached = docker.attach_container(&id, Some(options)).await?;
    docker.start_container(&id, None::<StartContainerOptions>).await?;
    let exec = CreateExecOptions {
        cmd: Some(vec!["cat"]),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        ..CreateExecOptions::default()
    };
    let exec = docker.create_exec(&id, exec).await?.id;
    if let StartExecResults::Attached { output, mut input } = docker.start_exec(&exec, None).await? {
        input.write_all(b"in exec\n").await?;
        input.shutdown().await?;
        println!("executed {}", collect(output).await?);
    }
    attached.input.write_all(b"in attach\n").await?;
    attached.input.shutdown().await?;
    println!("attached {}", collect(attached.output).await?);
    let ended: Vec<_> =
        docker.wait_container(&id, None::<WaitContainerOptions>).try_collect().await?;
    println!("ended {}", ended.first().map_or(-1, |ended| ended.status_code));
    docker.remove_container(&id, None::<RemoveContainerOptions>).await?;
    Ok(())
}
