import { toProblem } from "@/api/problem";
import { fetchAsPerson } from "@/auth/step-up";

/** Fetches a file with the access token and hands it to the browser as a download. */
export async function download(path: string, filename: string): Promise<void> {
  const response = await fetchAsPerson(new Request(window.location.origin + path));
  if (!response.ok) {
    throw toProblem(await response.json().catch(() => new Error(String(response.status))));
  }
  const named = /filename\*=UTF-8''([^;]+)/i.exec(response.headers.get("Content-Disposition") ?? "");
  saveFile(await response.blob(), named?.[1] ? decodeURIComponent(named[1]) : filename);
}

/** Hands the browser a file to keep. */
export function saveFile(content: Blob, filename: string): void {
  const url = URL.createObjectURL(content);
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = filename;
  anchor.click();
  // The browser has taken the file over by the next turn of the loop.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
