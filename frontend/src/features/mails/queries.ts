import { keepPreviousData } from "@tanstack/react-query";
import { api, client, ifMatch } from "@/api/client";
import { queryClient, refresh } from "@/api/query";
import type { Mail } from "@/api/types";
import type { Content } from "@/components/editor/content";
import type { MailSearch } from "./search";

export function useMails(search: MailSearch) {
  return api.useQuery(
    "get",
    "/v1/mails",
    {
      params: {
        query: {
          q: search.q,
          folder_id: search.folder,
          archived: search.archived,
          sort: search.sort ?? "-updated_at",
          cursor: search.cursor,
        },
      },
    },
    { placeholderData: keepPreviousData },
  );
}

export function useMail(id: string) {
  return api.useQuery("get", "/v1/mails/{id}", { params: { path: { id } } });
}

function keep(mail: Mail): void {
  const { queryKey } = api.queryOptions("get", "/v1/mails/{id}", { params: { path: { id: mail.id } } });
  queryClient.setQueryData(queryKey, mail);
}

type MailPatch = Partial<Content> & { name?: string; folder_id?: string | null; archived?: boolean };

export async function updateMail(id: string, version: number, patch: MailPatch): Promise<Mail> {
  const { data, error } = await client.PATCH("/v1/mails/{id}", {
    params: { path: { id }, header: ifMatch(version) },
    body: patch,
  });
  if (!data) {
    throw error;
  }
  keep(data);
  // The lists show names and subjects; the mail itself is the answer and needs no second look.
  void queryClient.invalidateQueries({ predicate: ({ queryKey }) => queryKey[1] === "/v1/mails" });
  return data;
}

export async function createMail(values: {
  name: string;
  folder_id?: string | null;
  from_template_id?: string;
}): Promise<Mail> {
  const { data, error } = await client.POST("/v1/mails", { body: values });
  if (!data) {
    throw error;
  }
  keep(data);
  await refresh("/v1/mails");
  return data;
}

export async function copyMail(id: string, name: string): Promise<Mail> {
  const { data, error } = await client.POST("/v1/mails/{id}/copy", { params: { path: { id } }, body: { name } });
  if (!data) {
    throw error;
  }
  await refresh("/v1/mails");
  return data;
}

export async function deleteMail(id: string, version: number): Promise<void> {
  const { error } = await client.DELETE("/v1/mails/{id}", { params: { path: { id }, header: ifMatch(version) } });
  if (error) {
    throw error;
  }
  await refresh("/v1/mails");
}

export async function restoreVersion(id: string, number: number): Promise<void> {
  const { data, error } = await client.POST("/v1/mails/{id}/versions/{number}/restore", {
    params: { path: { id, number } },
  });
  if (!data) {
    throw error;
  }
  keep(data);
  await refresh("/v1/mails");
}
