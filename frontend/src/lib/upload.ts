import type { Problem } from "@/api/problem";
import { toProblem } from "@/api/problem";
import { session } from "@/auth/session";

/**
 * Sends a file as the request's body. XMLHttpRequest, because fetch can't tell how far an upload has come,
 * and because it reads the file from disk piece by piece.
 */
export async function upload<T>(path: string, file: File, onProgress: (ratio: number) => void): Promise<T> {
  const token = await session.token();
  return new Promise<T>((resolve, reject: (problem: Problem) => void) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("Authorization", `Bearer ${token ?? ""}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("Idempotency-Key", crypto.randomUUID());
    request.upload.onprogress = (event) => onProgress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onerror = () => reject(toProblem(new TypeError("network")));
    request.onload = () => {
      const body: unknown = parse(request.responseText);
      if (request.status >= 200 && request.status < 300) {
        resolve(body as T);
      } else {
        reject(toProblem(body ?? new Error(request.statusText)));
      }
    };
    request.send(file);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
