//! Lines of the audit log, read from axisd for a page or a document.

use std::time::Duration;

use axis_proto::v1::LogsRequest;
use bytes::Bytes;
use tonic::{Code, Streaming};

use super::app::{App, answer};
use crate::failure::{Exit, Failure};

/// How long axisd may take over one message.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lines that were asked for.
pub struct Lines {
    /// The oldest first.
    pub lines: Vec<Bytes>,
    /// Why there may be others that can't be read.
    pub warning: Option<String>,
}

/// The lines that `request` asks for, which must not ask to be followed.
pub async fn lines(app: &App, request: LogsRequest) -> Result<Lines, Failure> {
    let mut messages = answer(app.admin().logs(request)).await?;
    let mut read = Lines {
        lines: Vec::new(),
        warning: None,
    };
    loop {
        match within_time(messages.message()).await? {
            Ok(Some(message)) => read.lines.push(message.line),
            Ok(None) => return Ok(read),
            // what came before is true all the same
            Err(status) if status.code() == Code::DataLoss => {
                read.warning = Some(status.message().to_owned());
                return Ok(read);
            }
            Err(status) => return Err(status.into()),
        }
    }
}

/// The next message of a stream; none at its end.
pub async fn next<T>(messages: &mut Streaming<T>) -> Result<Option<T>, Failure> {
    Ok(within_time(messages.message()).await??)
}

async fn within_time<T>(message: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(PATIENCE, message).await.map_err(|_| {
        let seconds = PATIENCE.as_secs();
        Failure::new(
            Exit::Unavailable,
            format!("axisd didn't answer within {seconds} s"),
        )
        .fix("axis daemon restart")
    })
}
