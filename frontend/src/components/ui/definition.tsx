import { Text } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./definition.module.css";

/** Names and values of one thing, in two columns that become one on a phone. */
export function DefinitionList(props: { items: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className={classes.list}>
      {props.items.map(([name, value]) => (
        <div key={name} className={classes.row}>
          <Text component="dt" size="sm" c="dimmed">
            {name}
          </Text>
          <Text component="dd" size="sm" m={0}>
            {value}
          </Text>
        </div>
      ))}
    </dl>
  );
}
