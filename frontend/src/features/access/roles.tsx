import { ActionIcon, Button, Group, Text } from "@mantine/core";
import { IconCheck, IconCopy, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { Fragment, type ReactNode, useState } from "react";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { Role } from "@/api/types";
import { useCan } from "@/auth/guard";
import { roleName } from "@/components/access/role-name";
import { Page } from "@/components/layout/page";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { ErrorView, LoadingView } from "@/components/ui/state-view";
import { translateCode, useT } from "@/i18n";
import { grouped } from "./permissions";
import { RoleDialog, type RoleDraft } from "./role-form";
import classes from "./roles.module.css";

/** Who may what: permissions down, roles across. */
export function RolesScreen() {
  const t = useT();
  const canManage = useCan("roles.manage");
  const [editing, setEditing] = useState<RoleDraft | null>(null);
  const [deleting, setDeleting] = useState<Role | null>(null);
  const query = api.useQuery("get", "/v1/roles");
  const roles = query.data?.items;
  return (
    <Page
      title={t("nav.roles")}
      description={t("roles.description")}
      actions={
        canManage ? (
          <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing({ kind: "new" })}>
            {t("roles.create")}
          </Button>
        ) : null
      }
    >
      <div className="kb-panel">
        {roles ? (
          <Matrix
            roles={roles}
            actions={
              canManage
                ? (role) => <Actions role={role} onEdit={setEditing} onDelete={() => setDeleting(role)} />
                : undefined
            }
          />
        ) : query.error ? (
          <ErrorView error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <LoadingView rows={8} />
        )}
      </div>
      {editing && roles ? <RoleDialog draft={editing} roles={roles} onClose={() => setEditing(null)} /> : null}
      {deleting ? <DeleteDialog role={deleting} onClose={() => setDeleting(null)} /> : null}
    </Page>
  );
}

function Matrix(props: { roles: readonly Role[]; actions?: (role: Role) => ReactNode }) {
  const t = useT();
  const { roles } = props;
  const all = [...new Set(roles.flatMap((role) => role.permissions))];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section className={classes.frame} tabIndex={0} aria-label={t("nav.roles")}>
      <table className={classes.matrix}>
        <caption className={classes.caption}>{t("roles.matrix")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("roles.permission")}</th>
            {roles.map((role) => (
              <th key={role.id} scope="col">
                <div className={classes.role}>{roleName(role.key, role.name)}</div>
                <div className={classes.people}>{t("roles.people", { count: role.people })}</div>
                {props.actions?.(role)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {grouped(all).map((group) => (
            <Fragment key={group.id}>
              <tr className={classes.group}>
                <th scope="colgroup" colSpan={roles.length + 1}>
                  {t(`permission_group.${group.id}`)}
                </th>
              </tr>
              {group.permissions.map((permission) => (
                <tr key={permission}>
                  <th scope="row">{translateCode("permission", permission)}</th>
                  {roles.map((role) => (
                    <Cell key={role.id} allowed={role.permissions.includes(permission)} />
                  ))}
                </tr>
              ))}
            </Fragment>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Cell({ allowed }: { allowed: boolean }) {
  const t = useT();
  return (
    <td>
      {allowed ? (
        <IconCheck size={18} role="img" aria-label={t("roles.allowed")} className={classes.allowed} />
      ) : (
        <span role="img" aria-label={t("roles.not_allowed")} className={classes.denied}>
          –
        </span>
      )}
    </td>
  );
}

function Actions(props: { role: Role; onEdit: (draft: RoleDraft) => void; onDelete: () => void }) {
  const t = useT();
  const { role } = props;
  const name = roleName(role.key, role.name);
  return (
    <Group gap={2} wrap="nowrap" justify="center">
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={`${t("roles.copy")}: ${name}`}
        onClick={() => props.onEdit({ kind: "copy", role })}
      >
        <IconCopy size={16} />
      </ActionIcon>
      {role.builtin ? null : (
        <>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`${t("common.edit")}: ${name}`}
            onClick={() => props.onEdit({ kind: "edit", role })}
          >
            <IconPencil size={16} />
          </ActionIcon>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`${t("common.delete")}: ${name}`}
            onClick={props.onDelete}
          >
            <IconTrash size={16} />
          </ActionIcon>
        </>
      )}
    </Group>
  );
}

function DeleteDialog({ role, onClose }: { role: Role; onClose: () => void }) {
  const t = useT();
  const remove = api.useMutation("delete", "/v1/roles/{id}");
  const held = role.people > 0;
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={t("roles.delete_title")}
      confirm={t("common.delete")}
      danger
      disabled={held}
      onConfirm={async () => {
        await remove.mutateAsync({ params: { path: { id: role.id }, header: ifMatch(role.version) } });
        await refresh("/v1/roles");
        notifyDone(t("common.deleted"));
      }}
    >
      <Text>
        {held ? t("roles.held", { name: role.name, count: role.people }) : t("roles.delete_body", { name: role.name })}
      </Text>
    </ConfirmDialog>
  );
}
