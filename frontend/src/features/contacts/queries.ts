import { keepPreviousData } from "@tanstack/react-query";
import { api, client, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { Contact } from "@/api/types";
import { useFormat } from "@/i18n/format";
import { type ContactSearch, contactQuery } from "./search";

export function useContacts(search: ContactSearch) {
  const { timeZone } = useFormat();
  return api.useQuery(
    "get",
    "/v1/contacts",
    { params: { query: { ...contactQuery(search, timeZone), count: true } } },
    { placeholderData: keepPreviousData },
  );
}

export function useContact(id: string) {
  return api.useQuery("get", "/v1/contacts/{id}", { params: { path: { id } } });
}

export function useContactFields() {
  return api.useQuery("get", "/v1/contact-fields", {}, { staleTime: 60_000 });
}

export interface ContactValues {
  email: string;
  name: string;
  fields: Record<string, unknown>;
}

export async function createContact(values: ContactValues, listIds: string[]): Promise<Contact> {
  const { data, error } = await client.POST("/v1/contacts", {
    body: { email: values.email.trim(), name: values.name.trim(), fields: values.fields, list_ids: listIds },
  });
  if (!data) {
    throw error;
  }
  await refresh("/v1/contacts", "/v1/lists", "/v1/summary");
  return data;
}

export async function updateContact(
  contact: Contact,
  patch: { email?: string; name?: string; fields?: Record<string, unknown>; status?: Contact["status"] },
): Promise<void> {
  const { error } = await client.PATCH("/v1/contacts/{id}", {
    params: { path: { id: contact.id }, header: ifMatch(contact.version) },
    body: patch,
  });
  if (error) {
    throw error;
  }
  await refresh("/v1/contacts");
}

export async function deleteContact(contact: Contact): Promise<void> {
  const { error } = await client.DELETE("/v1/contacts/{id}", {
    params: { path: { id: contact.id }, header: ifMatch(contact.version) },
  });
  if (error) {
    throw error;
  }
  await refresh("/v1/contacts", "/v1/lists", "/v1/summary");
}

/** Answers how many were not yet members. */
export async function addToList(listId: string, contactIds: string[]): Promise<number> {
  const { data, error } = await client.POST("/v1/lists/{id}/members", {
    params: { path: { id: listId } },
    body: { contact_ids: contactIds },
  });
  if (!data) {
    throw error;
  }
  await refresh("/v1/lists", "/v1/contacts");
  return data.added;
}
