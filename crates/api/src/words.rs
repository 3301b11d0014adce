//! Schemas of the domain's enums: their words, taken from the one table that
//! the domain has of them.

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $domain:path;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                use $domain as Domain;
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::Type::String)
                    .enum_values(Some(Domain::ALL.iter().map(|value| value.as_str())))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+};
}

words! {
    /// `mail`, `template` or `list`.
    FolderKind = domain::folder::FolderKind;
    /// `auto`: made from the HTML part; `manual`: as written.
    TextMode = domain::mail::content::TextMode;
    /// Language of a mail.
    MailLocale = domain::mail::content::Locale;
    /// Order of mails and templates.
    MailSort = domain::mail::MailSort;
    /// Where a campaign stands.
    CampaignState = domain::campaign::state::State;
    /// What sent a mail: a campaign, a test send, or a call of the API.
    SendingKind = domain::campaign::kind::Kind;
    /// Whom a campaign can be sent to again.
    ResendGroup = domain::campaign::resend::Group;
    /// What the winner of an A/B test has most of.
    AbMetric = domain::campaign::ab_test::Metric;
    /// Who takes the winner.
    AbDecision = domain::campaign::ab_test::Decision;
    /// How the winner came about: of `nothing_measured` it is the first variant.
    AbDecisionHow = domain::campaign::ab_test::How;
    /// Which hours hold for a campaign: the tenant's, none, or its own.
    HoursMode = domain::campaign::hours::Mode;
    /// How often a person gets a date mail.
    DateMailRepeat = domain::date_mail::day::Repeat;
    /// Whether a date mail goes out.
    DateMailState = domain::date_mail::State;
    /// Where a sequence stands.
    SequenceState = domain::sequence::State;
    /// Who comes into a sequence without being put in.
    SequenceEntryKind = domain::sequence::EntryKind;
    /// What a delay counts.
    SequenceUnit = domain::sequence::plan::Unit;
    /// What a person did with the last mail.
    SequenceReaction = domain::sequence::plan::Reaction;
    /// Where a person of a sequence is.
    EnrolmentState = domain::sequence::EnrolmentState;
    /// How a person came into a sequence.
    EnrolmentSource = domain::sequence::Source;
    /// Whether somebody who signed up by mail has confirmed.
    SignupState = domain::signup::confirm::Standing;
    /// How much a check of the pre-flight weighs.
    CheckLevel = domain::campaign::preflight::Level;
    /// `relay`: all mails to one server; `direct`: each to the servers of its recipient's domain.
    RouteKind = domain::route::Kind;
    /// What protects the line to a relay.
    RouteSecurity = domain::route::Security;
    /// How to log in at a relay.
    RouteAuth = domain::route::Auth;
    /// Why a site gets less: it can't keep up, finds us too fast, or doubts us.
    SlowdownMeaning = domain::limit::meaning::Meaning;
    /// Where one mail to one person stands.
    DeliveryState = domain::delivery::read::DeliveryState;
    /// What came back of a mail.
    EventKind = domain::delivery::read::EventKind;
    /// By which rule an open or click is a machine's.
    MachineRule = domain::event::machine::MachineRule;
    /// What happened with a person.
    TimelineKind = domain::contact::timeline::Happening;
    /// What wants a person's hand.
    ProblemKind = domain::campaign::summary::ProblemKind;
    /// A kind of event that webhooks are told of.
    WebhookTopic = domain::webhook::Topic;
    /// Where a message to a webhook stands.
    WebhookMessageState = domain::webhook::State;
    /// Why a message is not tried any more: for three days nobody took it, or the webhook answered 410.
    WebhookFailReason = domain::webhook::FailReason;
    /// Why the service turned a webhook off: it answered 410, or for three days nothing went through.
    WebhookDisabledReason = domain::webhook::DisabledReason;
    /// Where a tenant is in its life.
    TenantState = domain::operator::tenants::TenantState;
    /// Part of the menu of merge fields.
    MergeFieldGroup = domain::mail::merge_field::Group;
}
