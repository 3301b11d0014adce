import { createFileRoute } from "@tanstack/react-router";
import { UploadScreen } from "@/features/imports/upload";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/contacts/imports/new")({
  loader: () => loadLateWords(),
  staticData: { title: "imports.new", permission: "contacts.write" },
  component: UploadScreen,
});
