import type { components } from "./schema.gen";

// One place where the document's schema names enter the SPA; everything else imports from here.
type Schemas = components["schemas"];

export type Me = Schemas["Me"];
export type Session = Schemas["Session"];
export type LogInAnswer = Schemas["LogInAnswer"];
export type SecondFactorQuestion = Schemas["SecondFactorQuestion"];
export type SecondFactors = Schemas["SecondFactors"];
export type Passkey = Schemas["Passkey"];
export type PasskeyRequest = Schemas["PasskeyRequest"];
export type PasskeyAssertion = Schemas["PasskeyAssertion"];
export type PasskeyChallenge = Schemas["PasskeyChallenge"];
export type PasskeyLogInChallenge = Schemas["PasskeyLogInChallenge"];
export type SessionRow = Schemas["OwnSession"];
export type User = Schemas["User"];
export type Role = Schemas["Role"];
export type ApiToken = Schemas["ApiToken"];
export type ApiTokenSecret = Schemas["ApiTokenSecret"];
export type Tenant = Schemas["Tenant"];
export type PasswordJudgement = Schemas["PasswordJudgement"];
export type LinkInfo = Schemas["Link"];

export type Contact = Schemas["Contact"];
export type ContactStatus = Schemas["ContactStatus"];
export type ContactField = Schemas["ContactField"];
export type FieldType = Schemas["ContactFieldType"];
export type TimelineEntry = Schemas["TimelineEntry"];
export type Subscription = Schemas["Subscription"];
export type Consent = Schemas["Consent"];
export type List = Schemas["List"];
export type SignupAddress = Schemas["SignupAddress"];
export type Signup = Schemas["Signup"];
export type SignupState = Schemas["SignupState"];
export type Suppression = Schemas["Suppression"];

export type AuditEntry = Schemas["AuditEntry"];
export type AuditEntryDetail = Schemas["AuditEntryDetail"];
export type AccessEntry = Schemas["AccessEntry"];

export type Import = Schemas["Import"];
export type Plan = Schemas["ImportPlan"];
export type Job = Schemas["Job"];
export type Erasure = Schemas["Erasure"];
export type ErasureCertificate = Schemas["ErasureCertificate"];
export type Export = Schemas["Export"];

export type Folder = Schemas["Folder"];
export type Mail = Schemas["Mail"];
export type MailSummary = Schemas["MailItem"];
export type MailVersion = Schemas["MailVersion"];
export type MergeField = Schemas["MergeField"];
export type Preview = Schemas["Preview"];
export type Template = Schemas["Template"];
export type TemplateSummary = Schemas["TemplateItem"];
export type Block = Schemas["Block"];

export type AbTestPlan = Schemas["AbTestPlan"];
export type VariantResult = Schemas["VariantResult"];
export type Campaign = Schemas["Campaign"];
export type CampaignState = Schemas["CampaignState"];
export type Counts = Schemas["Counts"];
export type DateMail = Schemas["DateMail"];
export type Sequence = Schemas["Sequence"];
export type SequenceState = Schemas["SequenceState"];
export type SequenceRule = Schemas["SequenceRule"];
export type SequenceStep = Schemas["SequenceStep"];
export type SequencePerson = Schemas["SequencePerson"];
export type SequenceStepResult = Schemas["SequenceStepResult"];
export type Preflight = Schemas["Preflight"];
export type SendingKind = Schemas["SendingKind"];
export type Delivery = Schemas["Delivery"];
export type DeliveryEvent = Schemas["DeliveryEvent"];
export type DeliveryState = Schemas["DeliveryState"];
export type TransactionalSend = Schemas["TransactionalSend"];
export type ResendGroup = Schemas["ResendGroup"];
export type Report = Schemas["Report"];
export type Summary = Schemas["Summary"];

export type SenderDomain = Schemas["SenderDomain"];
export type Route = Schemas["Route"];
export type SendLimit = Schemas["SendLimit"];
export type SupportGrant = Schemas["SupportGrant"];
export type TenantUsage = Schemas["TenantUsage"];
export type SendSlowdown = Schemas["SendSlowdown"];

export type Webhook = Schemas["Webhook"];
export type WebhookAttempt = Schemas["WebhookAttempt"];
export type WebhookMessage = Schemas["WebhookMessage"];
export type WebhookMessageState = Schemas["WebhookMessageState"];
export type WebhookTopic = Schemas["WebhookTopic"];
