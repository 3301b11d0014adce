import { Alert } from "@mantine/core";

/** What the server refused and no single field stands for. */
export function FormError(props: { message: string | null }) {
  return props.message ? (
    <Alert color="red" variant="outline" role="alert">
      {props.message}
    </Alert>
  ) : null;
}
