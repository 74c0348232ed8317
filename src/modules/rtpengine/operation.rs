//! What rtpengine can be asked to do.

/// What rtpengine is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Offer,
    Answer,
    Delete,
    Query,
    StartRecording,
    StopRecording,
    BlockDtmf,
    UnblockDtmf,
    BlockMedia,
    UnblockMedia,
    SilenceMedia,
    UnsilenceMedia,
    StartForwarding,
    StopForwarding,
    PlayMedia,
    StopMedia,
    PlayDtmf,
}

impl Operation {
    /// Its name in a command.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Operation::Offer => "offer",
            Operation::Answer => "answer",
            Operation::Delete => "delete",
            Operation::Query => "query",
            Operation::StartRecording => "start recording",
            Operation::StopRecording => "stop recording",
            Operation::BlockDtmf => "block DTMF",
            Operation::UnblockDtmf => "unblock DTMF",
            Operation::BlockMedia => "block media",
            Operation::UnblockMedia => "unblock media",
            Operation::SilenceMedia => "silence media",
            Operation::UnsilenceMedia => "unsilence media",
            Operation::StartForwarding => "start forwarding",
            Operation::StopForwarding => "stop forwarding",
            Operation::PlayMedia => "play media",
            Operation::StopMedia => "stop media",
            Operation::PlayDtmf => "play DTMF",
        }
    }

    /// Whether the command has a session description.
    pub(super) const fn has_sdp(self) -> bool {
        matches!(self, Operation::Offer | Operation::Answer)
    }

    /// Whether it is about all sides of a call unless it is `directional`.
    pub(super) const fn is_about_all(self) -> bool {
        use Operation::{BlockDtmf, BlockMedia, SilenceMedia, StartForwarding};
        use Operation::{StopForwarding, UnblockDtmf, UnblockMedia, UnsilenceMedia};
        matches!(
            self,
            BlockDtmf
                | BlockMedia
                | UnblockDtmf
                | UnblockMedia
                | StartForwarding
                | StopForwarding
                | SilenceMedia
                | UnsilenceMedia
        )
    }
}
