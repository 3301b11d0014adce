import { api, client, ifMatch } from "@/api/client";
import { queryClient, refresh } from "@/api/query";
import type { Import, Plan } from "@/api/types";
import { upload } from "@/lib/upload";

export function useImport(id: string) {
  return api.useQuery("get", "/v1/imports/{id}", { params: { path: { id } } });
}

export function uploadImport(file: File, onProgress: (ratio: number) => void): Promise<Import> {
  return upload<Import>(`/v1/imports?filename=${encodeURIComponent(file.name)}`, file, onProgress);
}

function keep(item: Import): void {
  const { queryKey } = api.queryOptions("get", "/v1/imports/{id}", { params: { path: { id: item.id } } });
  queryClient.setQueryData(queryKey, item);
}

export async function savePlan(item: Import, plan: Plan): Promise<Import> {
  const { data, error } = await client.PUT("/v1/imports/{id}/plan", {
    params: { path: { id: item.id }, header: ifMatch(item.version) },
    body: plan,
  });
  if (!data) {
    throw error;
  }
  keep(data);
  return data;
}

/** Answers the id of the job. */
export async function startDryRun(id: string): Promise<string> {
  const { data, error } = await client.POST("/v1/imports/{id}/dry-run", { params: { path: { id } } });
  if (!data) {
    throw error;
  }
  return data.id;
}

export async function startImport(id: string): Promise<string> {
  const { data, error } = await client.POST("/v1/imports/{id}/run", { params: { path: { id } } });
  if (!data) {
    throw error;
  }
  return data.id;
}

export async function deleteImport(id: string): Promise<void> {
  const { error } = await client.DELETE("/v1/imports/{id}", { params: { path: { id } } });
  if (error) {
    throw error;
  }
  await refresh("/v1/imports");
}
