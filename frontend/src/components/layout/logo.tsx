import { Group, Text } from "@mantine/core";
import mark from "./mark.svg";

export function Logo() {
  return (
    <Group gap={8} wrap="nowrap" component="span" display="inline-flex">
      <img src={mark} alt="" width={22} height={22} />
      <Text component="span" fw={700} size="lg" lh={1}>
        Kikubari
      </Text>
    </Group>
  );
}
