import { createFileRoute } from "@tanstack/react-router";
import { UploadScreen } from "@/features/imports/upload";

export const Route = createFileRoute("/_app/contacts/imports/new")({
  staticData: { title: "imports.new", permission: "contacts.write" },
  component: UploadScreen,
});
