//! The life of a campaign. Pure: the table below is all there is to it.

use crate::error::{DomainError, Result};
use crate::text_enum::text_enum;

text_enum! {
    /// Where a campaign stands.
    pub enum State {
        /// Being written; nothing goes out by itself.
        Draft = "draft",
        /// Goes out at its time.
        Scheduled = "scheduled",
        /// Its audience is being frozen, nothing was sent yet.
        Preparing = "preparing",
        /// Goes out; the rest of a large audience may still be frozen meanwhile.
        Sending = "sending",
        /// Held by a person, or by the service: after a restore, for complaints.
        Paused = "paused",
        /// Ended by a person; the rest is never sent.
        Stopped = "stopped",
        /// Every delivery is final.
        Finished = "finished",
    }
}

/// What is done to a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Edit,
    Delete,
    Schedule,
    Unschedule,
    /// Send now, or the schedule falls due.
    Start,
    /// The first chunk of the audience is frozen.
    Begin,
    Pause,
    Resume,
    Stop,
    /// To those of whom it is unknown, or who failed.
    Resend,
}

impl State {
    /// The state after a step. `frozen`: whether some of the audience stands.
    ///
    /// # Errors
    /// [`DomainError::Conflict`] when the step makes no sense here.
    pub fn after(self, step: Step, frozen: bool) -> Result<Self> {
        use {State as S, Step as T};
        Ok(match (self, step) {
            (S::Draft | S::Scheduled, T::Edit) => self,
            (S::Draft | S::Scheduled | S::Stopped | S::Finished, T::Delete) => self,
            (S::Draft | S::Scheduled, T::Schedule) => S::Scheduled,
            (S::Scheduled, T::Unschedule) => S::Draft,
            (S::Draft | S::Scheduled, T::Start) => S::Preparing,
            (S::Preparing | S::Sending, T::Begin) => S::Sending,
            (S::Preparing | S::Sending, T::Pause) => S::Paused,
            (S::Paused, T::Resume) if frozen => S::Sending,
            (S::Paused, T::Resume) => S::Preparing,
            (S::Preparing | S::Sending | S::Paused, T::Stop) => S::Stopped,
            (S::Finished | S::Stopped, T::Resend) => S::Sending,
            _ => return Err(self.refusal(step)),
        })
    }

    fn refusal(self, step: Step) -> DomainError {
        let what = match step {
            Step::Edit => "changed",
            Step::Delete => "deleted",
            Step::Schedule => "scheduled",
            Step::Unschedule => "taken off the schedule",
            Step::Start | Step::Begin => "sent",
            Step::Pause => "paused",
            Step::Resume => "resumed",
            Step::Stop => "stopped",
            Step::Resend => "sent again",
        };
        DomainError::conflict(
            "wrong_state",
            format!("a campaign that is {} cannot be {what}", self.as_str()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_leads_from_its_states_to_one_state_and_is_refused_elsewhere() {
        use {State as S, Step as T};
        let table: [(Step, &[(State, State)]); 10] = [
            (
                T::Edit,
                &[(S::Draft, S::Draft), (S::Scheduled, S::Scheduled)],
            ),
            (
                T::Delete,
                &[
                    (S::Draft, S::Draft),
                    (S::Scheduled, S::Scheduled),
                    (S::Stopped, S::Stopped),
                    (S::Finished, S::Finished),
                ],
            ),
            (
                T::Schedule,
                &[(S::Draft, S::Scheduled), (S::Scheduled, S::Scheduled)],
            ),
            (T::Unschedule, &[(S::Scheduled, S::Draft)]),
            (
                T::Start,
                &[(S::Draft, S::Preparing), (S::Scheduled, S::Preparing)],
            ),
            (
                T::Begin,
                &[(S::Preparing, S::Sending), (S::Sending, S::Sending)],
            ),
            (
                T::Pause,
                &[(S::Preparing, S::Paused), (S::Sending, S::Paused)],
            ),
            (T::Resume, &[(S::Paused, S::Sending)]),
            (
                T::Stop,
                &[
                    (S::Preparing, S::Stopped),
                    (S::Sending, S::Stopped),
                    (S::Paused, S::Stopped),
                ],
            ),
            (
                T::Resend,
                &[(S::Finished, S::Sending), (S::Stopped, S::Sending)],
            ),
        ];
        for (step, ways) in table {
            for from in State::ALL {
                let expected = ways
                    .iter()
                    .find(|(state, _)| state == from)
                    .map(|(_, to)| *to);
                assert_eq!(from.after(step, true).ok(), expected, "{from:?} {step:?}");
            }
        }
        assert_eq!(S::Paused.after(T::Resume, false).unwrap(), S::Preparing);
    }
}
