import { Select, TextInput } from "@mantine/core";
import { useT } from "@/i18n";
import { knownSites, siteName } from "./sites";

export const allSites = "*";
const otherSite = "other";

export interface SiteChoice {
  /** A known site, or one of the two words above. */
  site: string;
  /** With "other". */
  domain: string;
}

/** What the API takes: null is every site; empty while the domain is not written yet. */
export function siteOf({ site, domain }: SiteChoice): string | null {
  if (site === allSites) {
    return null;
  }
  return site === otherSite ? domain.trim() : site;
}

/** A known site, another domain, or all. */
export function SiteFields(props: { value: SiteChoice; onChange: (value: SiteChoice) => void; error?: string }) {
  const t = useT();
  const { value, onChange } = props;
  return (
    <>
      <Select
        label={t("limits.site")}
        allowDeselect={false}
        data={[
          { value: allSites, label: t("limits.all_sites") },
          ...knownSites.map((site) => ({ value: site as string, label: siteName(site) })),
          { value: otherSite, label: t("limits.other_site") },
        ]}
        value={value.site}
        onChange={(site) => onChange({ ...value, site: site ?? allSites })}
      />
      {value.site === otherSite ? (
        <TextInput
          label={t("limits.site_domain")}
          placeholder="example.co.jp"
          required
          autoCapitalize="none"
          spellCheck={false}
          value={value.domain}
          error={props.error}
          onChange={(event) => onChange({ ...value, domain: event.currentTarget.value })}
        />
      ) : null}
    </>
  );
}
