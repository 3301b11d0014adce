import { QueryClient } from "@tanstack/react-query";
import { toProblem } from "./problem";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) => {
        const { status } = toProblem(error);
        return (status === 0 || status >= 500) && failures < 2;
      },
    },
    mutations: { retry: false },
  },
});

type Path = string;

/** Marks everything read under these paths as out of date, whatever parameters it was read with. */
export async function refresh(...paths: Path[]): Promise<void> {
  await queryClient.invalidateQueries({
    predicate: ({ queryKey }) => paths.some((path) => String(queryKey[1]).startsWith(path)),
  });
}
