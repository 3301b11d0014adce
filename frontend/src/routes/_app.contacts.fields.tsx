import { createFileRoute } from "@tanstack/react-router";
import { FieldsScreen } from "@/features/fields/list";

export const Route = createFileRoute("/_app/contacts/fields")({
  staticData: { title: "fields.title", permission: "contacts.read" },
  component: FieldsScreen,
});
