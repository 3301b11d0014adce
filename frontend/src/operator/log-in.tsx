import {
  Alert,
  Anchor,
  Button,
  Center,
  Code,
  Container,
  Group,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { type FormEvent, useState } from "react";
import { problemText } from "@/api/problem-text";
import { QrCode } from "@/components/factor/qr-code";
import { Logo } from "@/components/layout/logo";
import { CopyButton } from "@/components/ui/copy";
import { Toggles } from "./console";
import { operatorSession, type Step } from "./session";
import { useWords } from "./words";

/** In two steps, always; the first time the second one sets the authenticator app up. */
export function LogInScreen({ expired }: { expired: boolean }) {
  const w = useWords();
  const [step, setStep] = useState<Step | null>(null);
  return (
    <Container component="main" size={420} py={64}>
      <Group justify="space-between" mb="lg">
        <Logo />
        <Group gap={4}>
          <Toggles />
        </Group>
      </Group>
      <Title order={1} mb="md">
        {step?.step === "setup" ? w.setup : w.console}
      </Title>
      {expired && !step ? (
        <Alert color="gray" variant="light" mb="md" role="status">
          {w.expired}
        </Alert>
      ) : null}
      {step ? <SecondStep step={step} onAgain={() => setStep(null)} /> : <FirstStep onStep={setStep} />}
    </Container>
  );
}

/** Runs a step and keeps what was refused. */
function useStep() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const run = (work: () => Promise<void>) => (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    work()
      .catch((cause: unknown) => setError(problemText(cause)))
      .finally(() => setBusy(false));
  };
  return { busy, error, run };
}

function Refusal({ text }: { text: string | null }) {
  return text ? (
    <Alert color="red" variant="outline" role="alert">
      {text}
    </Alert>
  ) : null;
}

function FirstStep({ onStep }: { onStep: (step: Step) => void }) {
  const w = useWords();
  const [loginId, setLoginId] = useState("");
  const [password, setPassword] = useState("");
  const { busy, error, run } = useStep();
  return (
    <form onSubmit={run(async () => onStep(await operatorSession.begin(loginId.trim(), password)))} noValidate>
      <Stack>
        <Refusal text={error} />
        <TextInput
          label={w.loginId}
          required
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={100}
          value={loginId}
          onChange={(event) => setLoginId(event.currentTarget.value)}
        />
        <PasswordInput
          label={w.password}
          required
          autoComplete="current-password"
          maxLength={256}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <Button type="submit" loading={busy} disabled={!loginId.trim() || !password}>
          {w.logIn}
        </Button>
      </Stack>
    </form>
  );
}

function SecondStep({ step, onAgain }: { step: Step; onAgain: () => void }) {
  const w = useWords();
  const [code, setCode] = useState("");
  const [password, setPassword] = useState("");
  const { busy, error, run } = useStep();
  const isSetup = step.step === "setup";
  const ready = code.replace(/\s/g, "").length === 6 && (!isSetup || password.length >= 12);
  return (
    <form
      onSubmit={run(() => operatorSession.finish(step.ticket, code, isSetup ? password : undefined))}
      noValidate
      autoComplete="off"
    >
      <Stack>
        <Refusal text={error} />
        {isSetup && step.secret ? (
          <>
            <Text size="sm">{w.setupHelp}</Text>
            {step.uri ? (
              <Center>
                <QrCode text={step.uri} label={w.qr} />
              </Center>
            ) : null}
            <div>
              <Text size="sm" fw={500}>
                {w.key}
              </Text>
              <Group gap={4} wrap="nowrap">
                <Code fz="md" style={{ overflowWrap: "anywhere" }}>
                  {step.secret.match(/.{1,4}/g)?.join(" ")}
                </Code>
                <CopyButton value={step.secret} label={w.key} />
              </Group>
              {step.uri ? (
                <Anchor href={step.uri} size="sm">
                  {w.openApp}
                </Anchor>
              ) : null}
            </div>
            <PasswordInput
              label={w.newPassword}
              required
              autoComplete="new-password"
              maxLength={256}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
          </>
        ) : null}
        <TextInput
          label={w.code}
          description={w.codeHelp}
          required
          data-autofocus
          inputMode="numeric"
          autoComplete="one-time-code"
          maxLength={16}
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
        <Button type="submit" loading={busy} disabled={!ready}>
          {isSetup ? w.setupDone : w.confirm}
        </Button>
        <Button variant="subtle" color="gray" onClick={onAgain}>
          {w.again}
        </Button>
      </Stack>
    </form>
  );
}
