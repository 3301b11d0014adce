import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { type IdleChannel, IdleTimer } from "./idle";

const IdleWarning = lazy(() => import("./idle-warning"));

const activities = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"] as const;

interface Props {
  minutes: number;
  /** What the tabs tell each other their activity by. */
  channel: string;
  onExpire: () => void;
  onLeave: () => void;
  keepAlive: () => void;
}

/** Announces the idle log-out a minute before and carries it out; a person who is busy in another tab is busy here. */
export function IdleWatch({ minutes, channel: name, ...rest }: Props) {
  const [secondsLeft, setSecondsLeft] = useState<number | null>(null);
  const timer = useRef<IdleTimer | null>(null);
  const actions = useRef(rest);
  actions.current = rest;

  useEffect(() => {
    const channel: IdleChannel | null = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(name);
    const idle = new IdleTimer({
      idleMs: minutes * 60_000,
      now: () => Date.now(),
      onWarning: setSecondsLeft,
      onExpire: () => actions.current.onExpire(),
      keepAlive: () => actions.current.keepAlive(),
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
  }, [minutes, name]);

  return secondsLeft === null ? null : (
    <Suspense>
      <IdleWarning secondsLeft={secondsLeft} onStay={() => timer.current?.stay()} onLeave={rest.onLeave} />
    </Suspense>
  );
}
