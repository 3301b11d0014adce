import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { client } from "@/api/client";
import { useMe } from "./guard";
import { type IdleChannel, IdleTimer } from "./idle";
import { session } from "./session";

const IdleWarning = lazy(() => import("./idle-warning"));

const activities = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"] as const;

/** Announces the idle log-out a minute before and carries it out. */
export function IdleDialog() {
  const idleMinutes = useMe().session.idle_minutes;
  const [secondsLeft, setSecondsLeft] = useState<number | null>(null);
  const timer = useRef<IdleTimer | null>(null);

  useEffect(() => {
    const channel: IdleChannel | null =
      typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("kikubari.activity");
    const idle = new IdleTimer({
      idleMs: idleMinutes * 60_000,
      now: () => Date.now(),
      onWarning: setSecondsLeft,
      onExpire: () => void session.logout("idle"),
      keepAlive: () => void client.GET("/v1/me"),
      channel,
    });
    timer.current = idle;
    const onActivity = () => idle.activity();
    for (const type of activities) {
      window.addEventListener(type, onActivity, { passive: true });
    }
    const interval = setInterval(() => idle.tick(), 1_000);
    return () => {
      for (const type of activities) {
        window.removeEventListener(type, onActivity);
      }
      clearInterval(interval);
      channel?.close();
    };
  }, [idleMinutes]);

  return secondsLeft === null ? null : (
    <Suspense>
      <IdleWarning secondsLeft={secondsLeft} onStay={() => timer.current?.stay()} />
    </Suspense>
  );
}
