import { furnishAbTests } from "./ab-test";
import { type Api, took } from "./api";

export interface Screen {
  name: string;
  path: string;
  /** What has to be done on the page before it is looked at, in either language. */
  open?: { role: "button" | "tab" | "menuitem"; ja: string; en: string; shows?: "dialog" | "menu" };
}

/** Things that a screen shows and the demo company doesn't have yet. */
export async function furnish(api: Api) {
  const run = Date.now().toString(36);
  const [contacts, lists, campaigns, domains, templates] = await Promise.all([
    took(api.GET("/v1/contacts", { params: { query: { limit: 1, sort: "created_at" } } })),
    took(api.GET("/v1/lists", { params: { query: { limit: 1 } } })),
    took(api.GET("/v1/campaigns", { params: { query: { limit: 1, state: "finished" } } })),
    took(api.GET("/v1/sender-domains", { params: {} })),
    took(api.GET("/v1/templates", { params: { query: { limit: 50 } } })),
  ]);
  const [contact, list, campaign, domain] = [contacts.items[0], lists.items[0], campaigns.items[0], domains.items[0]];
  const start = templates.items.find(({ supplied, locale }) => supplied && locale === "ja");
  if (!contact || !list || !campaign || !domain || !start) {
    throw new Error("the demo company lacks a contact, a list, a sent campaign, a sender domain or a template");
  }
  const folder = await took(api.POST("/v1/folders", { body: { kind: "mail", name: `2026年度 お知らせ ${run}` } }));
  const mail = await took(
    api.POST("/v1/mails", {
      body: {
        name: "冬のセールのご案内（長い管理名が表でどう見えるかを確かめるためのメール）",
        folder_id: folder.id,
        from_template_id: start.id,
        sender_name: "気配り商店",
        sender_address: `news@${domain.domain}`,
      },
    }),
  );
  const template = await took(
    api.POST("/v1/templates", {
      body: { name: "月例のお知らせ", subject: "今月のお知らせ", text: "{{ name | sama }}" },
    }),
  );
  await took(api.POST("/v1/blocks", { body: { key: `footer_${run}`, name: "フッター", text: "気配り商店" } }));
  await took(
    api.POST("/v1/suppressions", {
      body: { kind: "address", value: `${run}@example.jp`, note: "電話で停止のご依頼" },
    }),
  );
  await took(
    api.POST("/v1/contacts/{id}/consents", {
      params: { path: { id: contact.id } },
      body: {
        kind: "given",
        source: "展示会の申込書",
        wording: "新製品のお知らせをメールで受け取ることに同意します。",
      },
    }),
  );
  const draft = await took(
    api.POST("/v1/campaigns", {
      body: { name: "冬のセール", mail_id: mail.id, audience: { list_ids: [list.id] } },
    }),
  );
  const empty = await took(api.POST("/v1/mails", { body: { name: "書きかけ" } }));
  const blocked = await took(api.POST("/v1/campaigns", { body: { name: "準備中の配信", mail_id: empty.id } }));
  const confirmation = await took(
    api.POST("/v1/mails", {
      body: {
        name: "ご注文の確認",
        subject: "ご注文 {{ order_no }} を承りました",
        text: "{{ name | sama }}\n{{ order_no }}",
        sender_name: "気配り商店",
        sender_address: `news@${domain.domain}`,
      },
    }),
  );
  const transactional = await took(
    api.POST("/v1/transactional-sends", {
      body: { mail_id: confirmation.id, contact_id: contact.id, values: { order_no: `A-${run}` } },
    }),
  );
  await took(
    api.POST("/v1/send-limits", {
      body: {
        site: `${run}.example.jp`,
        sender_domain: domain.domain,
        per_minute: 600,
        warm_up: { from: "2026-01-01", first: 500, growth: 1, until: 50_000_000 },
      },
    }),
  );
  await took(
    api.POST("/v1/api-tokens", {
      body: {
        name: `基幹システム ${run}`,
        scopes: ["contacts.read", "contacts.write", "lists.write"],
        allowed_ips: ["203.0.113.0/24"],
        lifetime_days: 10,
      },
    }),
  );
  const dateMail = await furnishDateMail(api, mail.id, list.id);
  const sequence = await furnishSequence(api, `news@${domain.domain}`, list.id, contact.id);
  const signup = await furnishSignup(api, list.id);
  const grant = { reason: `お問い合わせ ${run}`, permissions: ["campaigns.read", "reports.read"], hours: 24 };
  await took(api.POST("/v1/support-grants", { body: grant }));
  const me = await took(api.GET("/v1/me"));
  const abTests = await furnishAbTests(api, sequence.steps[0]?.mail_id ?? "", list.id);
  const { webhook } = await furnishWebhook(api);
  const made = { draft, blocked, transactional, dateMail, sequence, signup, abTests, webhook };
  return { me, contact, mail, campaign, domain, template, ...made };
}

/** An active sequence with a person inside. */
async function furnishSequence(api: Api, sender_address: string, list_id: string, contact_id: string) {
  const welcome = await took(
    api.POST("/v1/mails", {
      body: {
        name: "ご登録のお礼",
        subject: "ご登録ありがとうございます",
        text: "{{ name | sama }}\n\n{{ company_name }} {{ company_address }} {{ company_contact }}\n配信停止: {{ cancel_url }}\n",
        text_mode: "manual",
        sender_name: "気配り商店",
        sender_address,
      },
    }),
  );
  const mail_id = welcome.id;
  const condition = { list_ids: [], exclude_list_ids: [] };
  const made = await took(
    api.POST("/v1/sequences", {
      body: {
        name: "新規会員へのご案内",
        time_zone: "Asia/Tokyo",
        entry: { kind: "list", list_id },
        leave_with_list: true,
        reenter: false,
        cap_exempt: true,
        steps: [
          { mail_id, delay: 1, unit: "days", at: "09:00", condition },
          { mail_id, delay: 3, unit: "days", at: "12:00", condition: { ...condition, reaction: "not_opened" } },
        ],
      },
    }),
  );
  const path = { id: made.id };
  await took(api.POST("/v1/sequences/{id}/activate", { params: { path } }));
  await took(api.POST("/v1/sequences/{id}/people", { params: { path }, body: { contact_ids: [contact_id] } }));
  return made;
}

/** A webhook at an address where nobody answers, with a message that could not be delivered. */
async function furnishWebhook(api: Api) {
  const url = "https://crm.example.co.jp/hooks/kikubari";
  const webhook = await took(
    api.POST("/v1/webhooks", {
      body: { url, description: "顧客管理システム", events: ["delivery.failed"], enabled: true },
    }),
  );
  await took(api.POST("/v1/webhooks/{id}/test", { params: { path: { id: webhook.id } } }));
  return { webhook };
}

/** A sign-up address that is closed, with the mail that would answer. */
async function furnishSignup(api: Api, list_id: string) {
  const mail = await took(
    api.POST("/v1/mails", {
      body: { name: "登録の確認", subject: "登録の確認", text: "{{ confirm_url }}", text_mode: "manual" },
    }),
  );
  const body = {
    name: "店頭ポスター",
    mail_id: mail.id,
    list_ids: [list_id],
    enabled: false,
    hourly_limit: 100,
    valid_hours: 24,
  };
  return took(api.POST("/v1/signup-addresses", { body }));
}

/** An active date mail, and the field that it goes by. */
async function furnishDateMail(api: Api, mail_id: string, list_id: string) {
  const fields = await took(api.GET("/v1/contact-fields", {}));
  if (!fields.items.some((field) => field.key === "birthday")) {
    await took(api.POST("/v1/contact-fields", { body: { key: "birthday", label: "誕生日", type: "date" } }));
  }
  const made = await took(
    api.POST("/v1/date-mails", {
      body: {
        name: "お誕生日のお祝い",
        mail_id,
        field: "birthday",
        offset_days: -3,
        repeat: "yearly",
        send_at: "09:00",
        time_zone: "Asia/Tokyo",
        audience: { list_ids: [list_id] },
      },
    }),
  );
  return took(api.POST("/v1/date-mails/{id}/activate", { params: { path: { id: made.id } } }));
}

type Furniture = Awaited<ReturnType<typeof furnish>>;

/** Every screen behind the log-in, and the dialogs that hold a form. */
export function screens(furniture: Furniture): Screen[] {
  const { me, contact, mail, campaign, domain, template, draft, blocked } = furniture;
  const { transactional, dateMail, sequence, signup, abTests, webhook } = furniture;
  const [ja, en] = [`${me.display_name} のメニュー`, `Menu of ${me.display_name}`];
  return [
    { name: "home", path: "/" },
    { name: "user-menu", path: "/", open: { role: "button", ja, en, shows: "menu" } },
    { name: "contacts", path: "/contacts" },
    { name: "contacts-no-match", path: "/contacts?q=nobody-has-this" },
    { name: "contact-create", path: "/contacts?create=true" },
    { name: "contact", path: `/contacts/${contact.id}` },
    { name: "contact-fields", path: "/contacts/fields" },
    { name: "import-new", path: "/contacts/imports/new" },
    { name: "imports", path: "/contacts/imports" },
    { name: "exports", path: "/contacts/exports" },
    { name: "erasures", path: "/contacts/erasures" },
    { name: "lists", path: "/lists" },
    { name: "signup-addresses", path: "/signup-addresses" },
    {
      name: "signup-address-create",
      path: "/signup-addresses",
      open: { role: "button", ja: "登録用アドレスを作成", en: "New sign-up address" },
    },
    { name: "signup-address-edit", path: `/signup-addresses?edit=${signup.id}` },
    { name: "signup-people", path: `/signup-addresses?people=${signup.id}` },
    { name: "suppressions", path: "/suppressions" },
    {
      name: "bounce-reset",
      path: "/suppressions",
      open: { role: "button", ja: "エラー停止の解除", en: "Reset bounces" },
    },
    { name: "mails", path: "/mails" },
    { name: "mail-create", path: "/mails?create=true" },
    { name: "mail", path: `/mails/${mail.id}` },
    { name: "mail-test-send", path: `/mails/${mail.id}`, open: { role: "button", ja: "テスト送信", en: "Test send" } },
    { name: "mail-history", path: `/mails/${mail.id}/history` },
    { name: "templates", path: "/templates" },
    { name: "template", path: `/templates/${template.id}` },
    { name: "blocks", path: "/blocks" },
    { name: "campaigns", path: "/campaigns" },
    { name: "campaign-new", path: "/campaigns/new" },
    { name: "campaign-mail", path: `/campaigns/${draft.id}?step=mail` },
    { name: "campaign-audience", path: `/campaigns/${draft.id}?step=audience` },
    { name: "campaign-check", path: `/campaigns/${draft.id}?step=check` },
    { name: "campaign-check-blocked", path: `/campaigns/${blocked.id}?step=check` },
    { name: "campaign-send", path: `/campaigns/${draft.id}?step=send` },
    { name: "campaign-ab-test", path: `/campaigns/${abTests.draft.id}?step=send` },
    { name: "campaign-ab-results", path: `/campaigns/${abTests.sent.id}` },
    { name: "campaign-report", path: `/campaigns/${campaign.id}` },
    { name: "campaign-recipients", path: `/campaigns/${campaign.id}?tab=recipients` },
    { name: "campaign-left-out", path: `/campaigns/${campaign.id}?tab=left_out` },
    { name: "calendar", path: "/calendar" },
    { name: "calendar-week", path: "/calendar?view=week" },
    { name: "date-mails", path: "/date-mails" },
    {
      name: "date-mail-create",
      path: "/date-mails",
      open: { role: "button", ja: "日付メールを作成", en: "New date mail" },
    },
    { name: "date-mail-edit", path: `/date-mails?edit=${dateMail.id}` },
    { name: "date-mail-days", path: `/date-mails?days=${dateMail.id}` },
    { name: "sequences", path: "/sequences" },
    { name: "sequence-new", path: "/sequences/new" },
    { name: "sequence", path: `/sequences/${sequence.id}` },
    { name: "sequence-people", path: `/sequences/${sequence.id}?tab=people` },
    { name: "sequence-results", path: `/sequences/${sequence.id}?tab=results` },
    { name: "transactional", path: "/transactional" },
    { name: "transactional-one", path: `/transactional?open=${transactional.id}` },
    { name: "organisation", path: "/settings/organisation" },
    { name: "domains", path: "/settings/domains" },
    { name: "domain", path: `/settings/domains/${domain.id}` },
    { name: "routes", path: "/settings/routes" },
    { name: "rules", path: "/settings/rules" },
    { name: "limits", path: "/settings/limits" },
    { name: "limit-create", path: "/settings/limits", open: { role: "button", ja: "上限を追加", en: "Add a limit" } },
    { name: "security", path: "/settings/security" },
    { name: "users", path: "/settings/users" },
    { name: "user-create", path: "/settings/users", open: { role: "button", ja: "ユーザーを追加", en: "Add user" } },
    { name: "roles", path: "/settings/roles" },
    { name: "role-create", path: "/settings/roles", open: { role: "button", ja: "権限を追加", en: "Add a role" } },
    { name: "tokens", path: "/settings/tokens" },
    {
      name: "token-create",
      path: "/settings/tokens",
      open: { role: "button", ja: "トークンを発行", en: "Issue a token" },
    },
    { name: "webhooks", path: "/settings/webhooks" },
    {
      name: "webhook-create",
      path: "/settings/webhooks",
      open: { role: "button", ja: "Webhookを追加", en: "Add a webhook" },
    },
    { name: "webhook", path: `/settings/webhooks/${webhook.id}` },
    { name: "audit", path: "/settings/audit" },
    { name: "audit-looks", path: "/settings/audit?view=looks" },
    {
      name: "audit-verify",
      path: "/settings/audit",
      open: { role: "button", ja: "改ざんがないか検証", en: "Verify" },
    },
    { name: "support", path: "/settings/support" },
    {
      name: "support-grant",
      path: "/settings/support",
      open: { role: "button", ja: "アクセスを許可", en: "Grant access" },
    },
    { name: "profile", path: "/settings/profile" },
    { name: "password", path: "/settings/password" },
    { name: "second-factor", path: "/settings/second-factor" },
    {
      name: "totp-setup",
      path: "/settings/second-factor",
      open: { role: "button", ja: "認証アプリを設定", en: "Set up an authenticator app" },
    },
    { name: "sessions", path: "/settings/sessions" },
    { name: "not-found", path: "/nothing-here" },
  ];
}
