import { createFileRoute } from "@tanstack/react-router";
import { HomeScreen } from "@/features/home/home";

export const Route = createFileRoute("/_app/")({
  staticData: { title: "nav.home" },
  component: HomeScreen,
});
