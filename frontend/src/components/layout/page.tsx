import { Anchor, Box, Breadcrumbs, Group, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ComponentProps, ReactNode } from "react";

interface Props {
  title: ReactNode;
  /** What stands above: links back, outermost first. */
  trail?: readonly { label: string; to: ComponentProps<typeof Link>["to"] }[];
  description?: ReactNode;
  /** One primary action at most, and it stands last. */
  actions?: ReactNode;
  narrow?: boolean;
  children: ReactNode;
}

export function Page(props: Props) {
  return (
    <Box maw={props.narrow ? 820 : 1440} mx="auto">
      {props.trail ? (
        <Breadcrumbs mb={4} separatorMargin={6}>
          {props.trail.map((step) => (
            <Anchor key={step.label} size="sm" renderRoot={(rest) => <Link to={step.to} {...rest} />}>
              {step.label}
            </Anchor>
          ))}
        </Breadcrumbs>
      ) : null}
      <Group justify="space-between" align="flex-start" mb="md" gap="sm">
        <Box style={{ minWidth: 0, flex: "1 1 260px" }}>
          <Title order={1}>{props.title}</Title>
          {props.description ? (
            <Text size="sm" c="dimmed" mt={2} component="div">
              {props.description}
            </Text>
          ) : null}
        </Box>
        {props.actions ? <Group gap="xs">{props.actions}</Group> : null}
      </Group>
      {props.children}
    </Box>
  );
}

/** A framed part of a page. */
export function Panel(props: { title?: string; actions?: ReactNode; children: ReactNode; flush?: boolean }) {
  return (
    <Box component="section" className="kb-panel" mb="md" p={props.flush ? 0 : "md"}>
      {props.title ? (
        <Group justify="space-between" mb="sm" px={props.flush ? "md" : 0} pt={props.flush ? "md" : 0}>
          <Title order={2}>{props.title}</Title>
          {props.actions}
        </Group>
      ) : null}
      {props.children}
    </Box>
  );
}
