import { Anchor, type AnchorProps, Button, type ButtonProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import { forwardRef } from "react";

/** A button that leads somewhere: a real link, with typed route and parameters. */
export const LinkButton = createLink(
  forwardRef<HTMLAnchorElement, ButtonProps & React.AnchorHTMLAttributes<HTMLAnchorElement>>((props, ref) => (
    <Button component="a" ref={ref} {...props} />
  )),
);

export const TextLink = createLink(
  forwardRef<HTMLAnchorElement, AnchorProps & React.AnchorHTMLAttributes<HTMLAnchorElement>>((props, ref) => (
    <Anchor ref={ref} {...props} />
  )),
);
