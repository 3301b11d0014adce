import { client } from "@/api/client";
import { useMe } from "./guard";
import { IdleWatch } from "./idle-watch";
import { session } from "./session";

/** The idle log-out of the company's people. */
export function IdleDialog() {
  return (
    <IdleWatch
      minutes={useMe().session.idle_minutes}
      channel="kikubari.activity"
      onExpire={() => void session.logout("idle")}
      onLeave={() => void session.logout("signed_out")}
      keepAlive={() => void client.GET("/v1/me")}
    />
  );
}
