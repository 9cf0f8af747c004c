"""The AWS templates: created from boto3 over a socket against moto's server, read back, and deleted."""

import base64
import hashlib
import json
import os
import re
import sys
import urllib.parse

import boto3
import botocore
import pytest
import requests
import yaml
from conftest import DEPLOY, ROOT, Process, free_port, run

AWS = DEPLOY / "aws"
HERE = ROOT / "tests" / "deploy"
REGION = "ap-northeast-2"
STACK = "llm-classroom"
SERVICES = ["cloudformation", "ec2", "s3", "ssm", "iam", "logs", "cloudwatch", "sns", "route53"]
ANYWHERE = {"0.0.0.0/0", "::/0"}


class Loader(yaml.SafeLoader):
    """Reads templates; what CloudFormation resolves stays as it's written."""


Loader.add_multi_constructor("!", lambda loader, tag, node: {tag: loader.construct_object_of(node)})
Loader.construct_object_of = lambda self, node: {
    yaml.ScalarNode: self.construct_scalar,
    yaml.SequenceNode: lambda node: self.construct_sequence(node, deep=True),
    yaml.MappingNode: lambda node: self.construct_mapping(node, deep=True),
}[type(node)](node)


def template(name):
    """A template as data."""
    return yaml.load((AWS / name).read_text(), Loader)


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    """Clients of moto's server, by service: `aws.ec2`."""
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "MOTO_PORT": str(port), "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
    command = [sys.executable, "-u", HERE / "moto_cloudformation.py", "-p", port]
    server = Process(command, tmp_path_factory.mktemp("moto"), environment)
    try:
        server.wait_for_output("Running on")

        class Clients:
            def __getattr__(self, service):
                client = boto3.client(
                    service.replace("_", "-"),
                    REGION,
                    endpoint_url=f"http://127.0.0.1:{port}",
                    aws_access_key_id="test",
                    aws_secret_access_key="test",
                )
                setattr(self, service, client)
                return client

        clients = Clients()
        clients.server = server
        clients.address = f"http://127.0.0.1:{port}"
        yield clients
    finally:
        server.end()


class Stack:
    """A stack that was made, with its outputs as attributes."""

    def __init__(self, aws, name, file, **parameters):
        self.aws, self.name = aws, name
        given = [{"ParameterKey": key, "ParameterValue": str(value)} for key, value in parameters.items()]
        try:
            aws.cloudformation.create_stack(
                StackName=name,
                TemplateBody=(AWS / file).read_text(),
                Parameters=given,
                Capabilities=["CAPABILITY_IAM"],
            )
        except (botocore.exceptions.ClientError, botocore.parsers.ResponseParserError) as error:
            said = aws.server.output()[-6000:]
            raise AssertionError(f"{file} can't be created: {error}; the server says\n{said}") from error
        described = aws.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        assert described["StackStatus"] == "CREATE_COMPLETE", described
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}
        resources = aws.cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        # What a condition left out is listed without a name.
        self.resources = {
            one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources if "LogicalResourceId" in one
        }
        # Nothing was passed over.
        wanted = template(file)["Resources"]
        missing = {key for key, one in wanted.items() if "Condition" not in one} - set(self.resources)
        assert not missing, f"{missing} was not made"

    def __getattr__(self, output):
        return self.outputs[output]

    def delete(self):
        self.aws.cloudformation.delete_stack(StackName=self.name)
        gone = self.aws.cloudformation.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
        assert self.name in {one["StackName"] for one in gone}


SINGLE = {
    "Domain": "class.example.kr",
    "Email": "teacher@example.kr",
    "ReleaseUrl": "https://example.kr/llm-classroom_0.1.0_amd64.deb",
    "ReleaseSha256": "a" * 64,
}


@pytest.fixture(scope="module")
def single(aws):
    """The small machine's stack, with its name in a Route 53 zone."""
    zone = aws.route53.create_hosted_zone(Name="example.kr", CallerReference="1")["HostedZone"]["Id"]
    stack = Stack(aws, STACK, "single.yaml", **SINGLE, HostedZoneId=zone.rsplit("/", 1)[1])
    stack.zone = zone
    return stack


def open_ports(permissions):
    """(port, from where) of a security group's rules."""
    ports = set()
    for one in permissions:
        assert one["IpProtocol"] == "tcp" and one["FromPort"] == one["ToPort"], one
        froms = [net["CidrIp"] for net in one["IpRanges"]] + [net["CidrIpv6"] for net in one["Ipv6Ranges"]]
        froms += [pair["GroupId"] for pair in one["UserIdGroupPairs"]]
        ports |= {(one["FromPort"], where) for where in froms}
    return ports


def statements(aws, role):
    """All that a role's own policies say."""
    said = []
    for name in aws.iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = aws.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for one in document["Statement"]:
            said.append(
                {
                    key: [value] if isinstance(value, str) and key in ("Action", "Resource") else value
                    for key, value in one.items()
                }
            )
    return said


def assert_least(aws, role, without_resources=("cloudwatch:PutMetricData",)):
    """No action and no resource is everything; what knows no resources has a condition."""
    managed = aws.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [one["PolicyName"] for one in managed] == ["AmazonSSMManagedInstanceCore"]
    said = statements(aws, role)
    for one in said:
        assert all("*" not in action for action in one["Action"]), one
        if one["Effect"] == "Deny":
            assert all(":parameter/" in where for where in one["NotResource"]), one
            continue
        for where in one["Resource"]:
            if where == "*":
                assert set(one["Action"]) <= set(without_resources) and one["Condition"], one
            else:
                # A region, an account and a beginning that is this stack's own.
                assert where.startswith("arn:aws:") and not where.split(":", 5)[5].startswith("*"), one
    # The managed policy's right to read every parameter is taken back.
    assert [one["Sid"] for one in said if one["Effect"] == "Deny"] == ["NoOtherParameters"]
    return {one["Sid"]: one for one in said}


def assert_bucket_is_safe(aws, bucket):
    """Nobody else can read it, and nobody in the clear."""
    blocked = aws.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert len(blocked) == 4 and all(blocked.values()), blocked
    rules = aws.s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    owner = aws.s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert owner == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    policy = json.loads(aws.s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    denied = next(one for one in policy if one["Sid"] == "TlsOnly")
    assert denied["Effect"] == "Deny" and denied["Principal"] == "*" and denied["Action"] == "s3:*"
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert denied["Resource"] == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


def test_cfn_lint_finds_nothing_in_the_templates():
    lint = os.path.join(os.path.dirname(sys.executable), "cfn-lint")
    # Warnings and informational findings count, too.
    run(lint, "--include-checks", "I", "--regions", REGION, "ap-southeast-2", "--", *sorted(AWS.glob("*.yaml")))


def test_the_small_machines_outputs_are_what_was_made(aws, single):
    made = aws.ec2.describe_instances(InstanceIds=[single.InstanceId])["Reservations"][0]["Instances"][0]
    address = aws.ec2.describe_addresses(PublicIps=[single.PublicAddress])["Addresses"][0]
    assert address["NetworkInterfaceId"] == made["NetworkInterfaces"][0]["NetworkInterfaceId"]
    assert made["InstanceType"] == "t3.micro"
    assert made["IamInstanceProfile"]["Arn"].endswith(single.resources["Profile"])
    assert {group["GroupId"] for group in made["NetworkInterfaces"][0]["Groups"]} == {single.SecurityGroupId}
    profile = aws.iam.get_instance_profile(InstanceProfileName=single.resources["Profile"])["InstanceProfile"]
    assert [role["RoleName"] for role in profile["Roles"]] == [single.RoleName]
    assert single.Url == "https://class.example.kr/"
    assert single.BackupUrl == f"s3://{single.BackupBucketName}/backups"
    aws.s3.head_bucket(Bucket=single.BackupBucketName)
    for group in (single.AppLogGroup, single.NginxLogGroup):
        (found,) = aws.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        assert (found["logGroupName"], found["retentionInDays"]) == (group, 30)
    subscriptions = aws.sns.list_subscriptions_by_topic(TopicArn=single.AlarmTopicArn)["Subscriptions"]
    assert [(one["Protocol"], one["Endpoint"]) for one in subscriptions] == [("email", "teacher@example.kr")]
    records = aws.route53.list_resource_record_sets(HostedZoneId=single.zone)["ResourceRecordSets"]
    named = {one["Name"].rstrip("."): one for one in records if one["Type"] == "A"}
    assert [one["Value"] for one in named["class.example.kr"]["ResourceRecords"]] == [single.PublicAddress]
    assert set(single.outputs) == {
        "Url", "PublicAddress", "InstanceId", "SecurityGroupId", "RoleName", "BackupUrl", "BackupBucketName",
        "AppLogGroup", "NginxLogGroup", "AlarmTopicArn",
    }  # fmt: skip


def test_only_the_web_reaches_the_small_machine(aws, single):
    group = aws.ec2.describe_security_groups(GroupIds=[single.SecurityGroupId])["SecurityGroups"][0]
    anywhere = {(port, where) for port in (80, 443) for where in ANYWHERE}
    assert open_ports(group["IpPermissions"]) == anywhere
    assert open_ports(group["IpPermissionsEgress"]) == anywhere
    made = aws.ec2.describe_instances(InstanceIds=[single.InstanceId])["Reservations"][0]["Instances"][0]
    assert "KeyName" not in made
    assert (made["MetadataOptions"]["HttpTokens"], made["MetadataOptions"]["HttpPutResponseHopLimit"]) == (
        "required",
        1,
    )


def test_the_small_machines_disk_is_encrypted(aws, single):
    made = aws.ec2.describe_instances(InstanceIds=[single.InstanceId])["Reservations"][0]["Instances"][0]
    (device,) = made["BlockDeviceMappings"]
    (volume,) = aws.ec2.describe_volumes(VolumeIds=[device["Ebs"]["VolumeId"]])["Volumes"]
    assert (volume["Encrypted"], volume["VolumeType"], volume["Size"]) == (True, "gp3", 8)


def test_the_small_machine_may_do_little(aws, single):
    allowed = assert_least(aws, single.RoleName)
    key = f"arn:aws:ssm:{REGION}:123456789012:parameter/llm-classroom/openai-api-key"
    assert allowed["Parameters"]["Resource"][0] == key
    bucket = f"arn:aws:s3:::{single.BackupBucketName}"
    assert allowed["Backups"]["Resource"] == [f"{bucket}/backups/*"]
    assert allowed["ListBackups"]["Condition"]["StringLike"]["s3:prefix"] == ["backups", "backups/*"]
    assert allowed["Metrics"]["Condition"] == {"StringEquals": {"cloudwatch:namespace": STACK}}
    trust = aws.iam.get_role(RoleName=single.RoleName)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert [one["Principal"] for one in trust] == [{"Service": "ec2.amazonaws.com"}]


def test_the_backup_bucket_is_private_and_forgets_in_time(aws, single):
    bucket = single.BackupBucketName
    assert_bucket_is_safe(aws, bucket)
    assert aws.s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    rules = {one["ID"]: one for one in aws.s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}
    assert rules["forget"]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert rules["forget"]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 7
    # A backup itself is never removed by the bucket: BACKUP_KEEP does that.
    assert "Days" not in rules["forget"].get("Expiration", {})


def test_the_agents_settings_are_the_file_in_deploy(aws, single):
    value = aws.ssm.get_parameter(Name=f"/{STACK}/cloudwatch-agent")["Parameter"]["Value"]
    assert value == (AWS / "cloudwatch-agent.json").read_text()
    said = json.loads(value)
    logs = {one["log_group_name"] for one in said["logs"]["logs_collected"]["files"]["collect_list"]}
    assert logs == {single.AppLogGroup, single.NginxLogGroup}
    assert said["metrics"]["namespace"] == STACK


def figures(config):
    """Names of what the agent's settings measure, as CloudWatch has them."""
    names = set()
    for plugin, said in config["metrics"]["metrics_collected"].items():
        for one in said if isinstance(said, list) else [said]:
            names |= {f"{plugin}_{measured}" for measured in one["measurement"]}
    return names


def assert_alarms_can_ring(aws, stack, agent, told=frozenset()):
    """Each alarm tells the topic, and watches a figure that somebody makes."""
    filters = aws.logs.describe_metric_filters()["metricFilters"]
    made = {one["metricName"] for each in filters for one in each["metricTransformations"]} | figures(agent) | told
    alarms = [
        one for one in aws.cloudwatch.describe_alarms()["MetricAlarms"] if one["AlarmName"] in stack.resources.values()
    ]
    for alarm in alarms:
        assert stack.AlarmTopicArn in alarm["AlarmActions"] and alarm["OKActions"] == [stack.AlarmTopicArn], alarm
        if alarm.get("Namespace") == stack.name:
            assert alarm["MetricName"] in made, alarm
    return {alarm["MetricName"]: alarm for alarm in alarms if "MetricName" in alarm}


def test_the_small_machines_alarms_can_ring(aws, single):
    agent = json.loads((AWS / "cloudwatch-agent.json").read_text())
    # What the machine itself tells of its backups: the set-up's own test sees the command.
    alarms = assert_alarms_can_ring(aws, single, agent, {"backups"})
    assert f"arn:aws:automate:{REGION}:ec2:recover" in alarms["StatusCheckFailed_System"]["AlarmActions"]
    assert set(alarms) == {
        "StatusCheckFailed_System", "StatusCheckFailed_Instance", "CPUCreditBalance", "disk_used_percent",
        "mem_used_percent", "responses_5xx", "turns_failed", "backups",
    }  # fmt: skip
    assert alarms["backups"]["TreatMissingData"] == "breaching"


def test_a_deleted_small_machine_leaves_nothing_but_its_backups(aws):
    stack = Stack(aws, "short-lived", "single.yaml", **SINGLE)
    assert len(left(aws, "short-lived")) == 15
    stack.delete()
    # What stays is meant to, and stays private.
    assert stack.BackupBucketName in {one["Name"] for one in aws.s3.list_buckets()["Buckets"]}
    assert_bucket_is_safe(aws, stack.BackupBucketName)
    assert left(aws, "short-lived") == {}


def left(aws, name):
    """What stands of a stack, by kind, found by its name and not by what the stack says of itself."""
    named = [{"Name": "tag:Name", "Values": [name, f"{name}-*"]}]
    found = {
        kind: getattr(aws.ec2, f"describe_{ask}")(Filters=named)[kind]
        for ask, kind in [
            ("vpcs", "Vpcs"),
            ("subnets", "Subnets"),
            ("route_tables", "RouteTables"),
            ("internet_gateways", "InternetGateways"),
            ("network_interfaces", "NetworkInterfaces"),
            ("addresses", "Addresses"),
        ]
    }
    reservations = aws.ec2.describe_instances(Filters=named)["Reservations"]
    instances = [one for reservation in reservations for one in reservation["Instances"]]
    found["Instances"] = [one for one in instances if one["State"]["Name"] != "terminated"]

    def ours(kind, listed, key):
        found[kind] = [one for one in listed[kind] if name in one[key]]

    ours("SecurityGroups", aws.ec2.describe_security_groups(), "GroupName")
    ours("Roles", aws.iam.list_roles(), "RoleName")
    ours("InstanceProfiles", aws.iam.list_instance_profiles(), "InstanceProfileName")
    ours("logGroups", aws.logs.describe_log_groups(), "logGroupName")
    ours("metricFilters", aws.logs.describe_metric_filters(), "filterName")
    ours("Topics", aws.sns.list_topics(), "TopicArn")
    ours("MetricAlarms", aws.cloudwatch.describe_alarms(), "AlarmName")
    ours("Parameters", aws.ssm.describe_parameters(), "Name")
    return {kind: some for kind, some in found.items() if some}


# ---- What a machine does when it first starts, run for real in a root of its own.


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """A release: a package with an installer that says how it was called. Served beside a signed agent."""
    folder = tmp_path_factory.mktemp("release")
    build_package(
        folder,
        "llm-classroom",
        {
            "/usr/share/llm-classroom/install.sh": INSTALLER,
            "/usr/share/llm-classroom/systemd/file-log.conf": "[Service]\n",
            "/etc/llm-classroom/llm-classroom.env": "TRUSTED_PROXIES=127.0.0.1\n",
        },
    )
    agent = folder / "ubuntu/amd64/latest"
    agent.mkdir(parents=True)
    build_package(
        agent,
        "amazon-cloudwatch-agent",
        {"/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl": RECORDER},
    )
    # Amazon's key in the test is one of our own.
    home = folder / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--passphrase", ""]
    run(*gpg, "--quick-generate-key", "agent@example.kr", "ed25519", "sign", "never")
    run(
        *gpg,
        "--detach-sign",
        "--output",
        agent / "amazon-cloudwatch-agent.deb.sig",
        agent / "amazon-cloudwatch-agent.deb",
    )
    (folder / "assets").mkdir()
    run(*gpg, "--armor", "--output", folder / "assets/amazon-cloudwatch-agent.gpg", "--export")
    (folder / "rds-ca.pem").write_text("a certificate\n")
    listed = run(*gpg, "--with-colons", "--list-keys").stdout
    run("gpgconf", "--homedir", home, "--kill", "all")
    port = free_port()
    server = Process([sys.executable, "-u", "-m", "http.server", port, "--bind", "127.0.0.1"], folder)
    server.wait_for_output("Serving HTTP")

    class Release:
        address = f"http://127.0.0.1:{port}"
        sha256 = hashlib.sha256((folder / "llm-classroom.deb").read_bytes()).hexdigest()
        fingerprint = re.search(r"^fpr:+([0-9A-F]{40}):", listed, re.M)[1]
        asked = server.output

    yield Release
    server.end()


RECORDER = """#!/bin/bash
{ printf '%s' "$(basename "$0")"; printf ' %s' "$@"; echo; } >>"$CALLS"
"""
"""Stands for a program that would change the machine: says in a file how it was called."""

INSTALLER = (
    RECORDER
    + """
while (($#)); do
    case $1 in
        --key-file) stat -c 'key file: %a' "$2" >>"$CALLS"; cp "$2" "$MACHINE/key-as-installed" ;;
        --package) sha256sum "$2" | cut -d' ' -f1 | sed 's/^/package: /' >>"$CALLS" ;;
    esac
    shift
done
"""
)

STUBS = {
    "aws": RECORDER
    + """
case "$1 $2" in
    "ssm get-parameter") echo "sk-a-secret-key" ;;
    "secretsmanager get-secret-value") echo "postgres://classroom:a-secret-password@db/classroom" ;;
esac
""",
    # Unpacks what is a file, as the real one would.
    "apt-get": RECORDER
    + """
for one in "$@"; do
    case $one in *.deb) dpkg-deb -x "$one" "$MACHINE" ;; esac
done
""",
    "getent": RECORDER + 'echo "$ADDRESS     STREAM $2"\n',
    "systemctl": RECORDER,
    "timedatectl": RECORDER,
    "usermod": RECORDER,
    "sleep": RECORDER,
    # Downloads are real; whether the site answers is not.
    "curl": RECORDER
    + """
for one in "$@"; do
    case $one in
        */health | */ready) exit "$SICK" ;;
    esac
done
exec /usr/bin/curl "$@"
""",
}


def build_package(folder, name, files):
    """folder/name.deb with these files."""
    root = folder / f"{name}-root"
    for path, text in {"/DEBIAN/control": CONTROL.format(name), **files}.items():
        file = root / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755 if text.startswith("#!") else 0o644)
    run("dpkg-deb", "--root-owner-group", "--build", root, folder / f"{name}.deb")


CONTROL = """Package: {}
Version: 0.1.0
Architecture: amd64
Maintainer: teacher <teacher@example.kr>
Description: for a test
"""


class Machine:
    """A machine's root, in which user data runs; what it called and left behind."""

    def __init__(self, folder, script, release, address="", sick=0):
        self.root = folder / "machine"
        self.calls_file = folder / "calls"
        self.calls_file.touch()
        stubs = folder / "stubs"
        stubs.mkdir()
        for name, text in STUBS.items():
            (stubs / name).write_text(text)
            (stubs / name).chmod(0o755)
        (self.root / "var/lib/cloud/data").mkdir(parents=True)
        (self.root / "var/lib/cloud/data/instance-id").write_text("i-0123456789abcdef0\n")
        (self.root / "tmp").mkdir()
        # The script's own text, but for where the root, Amazon's packages and Amazon's key are.
        script = re.sub(r"(?<![\w.:/$])/(etc|usr/share|var|opt|run)/", rf"{self.root}/\1/", script)
        script = re.sub(r"https://amazoncloudwatch-agent-[a-z0-9.-]+\.com(?=')", release.address, script)
        script = script.replace(
            "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem", f"{release.address}/rds-ca.pem"
        )
        script = script.replace("937616F3450B7D806CBD9725D58167303B789C72", release.fingerprint)
        file = folder / "user-data"
        file.write_text(script)
        environment = {
            "PATH": f"{stubs}:/usr/bin:/bin",
            "CALLS": str(self.calls_file),
            "MACHINE": str(self.root),
            "TMPDIR": str(self.root / "tmp"),
            "ADDRESS": address,
            "SICK": str(sick),
        }
        done = run("bash", file, env=environment, check=False)
        self.code, self.output = done.returncode, done.stdout
        self.calls = self.calls_file.read_text().splitlines()

    def called(self, beginning):
        return [call for call in self.calls if call.startswith(beginning)]

    def signalled(self):
        """What it told CloudFormation."""
        return [call.rsplit("--status ", 1)[1] for call in self.called("aws cloudformation signal-resource")]

    def read(self, path):
        return (self.root / path).read_text()


def user_data_of_single(aws, release, name, **parameters):
    """The script of a small machine's stack, as EC2 has it, and the stack's address."""
    given = SINGLE | {"ReleaseUrl": f"{release.address}/llm-classroom.deb", "ReleaseSha256": release.sha256}
    stack = Stack(aws, name, "single.yaml", **(given | parameters))
    data = aws.ec2.describe_instance_attribute(InstanceId=stack.InstanceId, Attribute="userData")["UserData"]["Value"]
    stack.delete()
    return base64.b64decode(data).decode(), stack


def assert_shellcheck_finds_nothing(script, folder):
    file = folder / "user-data.sh"
    file.write_text(script)
    assert not re.search(r"\$\{[A-Z]", script), "something was not filled in"
    assert len(script.encode()) <= 16 * 1024, "EC2 takes no more"
    run("bash", "-n", file)
    run("shellcheck", "--severity=style", file)


def test_a_small_machine_sets_itself_up_from_the_release(aws, release, tmp_path):
    script, stack = user_data_of_single(aws, release, "sets-up")
    assert_shellcheck_finds_nothing(script, tmp_path)
    machine = Machine(tmp_path, script, release, address=stack.PublicAddress)
    assert machine.code == 0, machine.output
    assert machine.signalled() == ["SUCCESS"]
    (installed,) = machine.called("install.sh")
    said = re.fullmatch(
        r"install.sh --domain class.example.kr --email teacher@example.kr "
        r"--key-file \S+/key --package \S+/llm-classroom.deb",
        installed,
    )
    assert said, installed
    assert f"package: {release.sha256}" in machine.calls
    # The key reached the installer in a file of root's alone, and nowhere else.
    assert "key file: 600" in machine.calls
    assert machine.read("key-as-installed") == "sk-a-secret-key\n"
    assert "sk-a-secret-key" not in machine.output + "\n".join(machine.calls)
    assert list((machine.root / "tmp").iterdir()) == []
    settings = machine.read("etc/llm-classroom/llm-classroom.env").splitlines()
    assert settings == [
        "TRUSTED_PROXIES=127.0.0.1",
        f"BACKUP_URL={stack.BackupUrl}",
        f"AWS_REGION={REGION}",
        "LOG_FORMAT=json",
    ]
    assert "IPAddressDeny=169.254.169.254/32" in machine.read("etc/systemd/system/llm-classroom.service.d/aws.conf")
    # Each backup is told, and the first is made right now.
    assert machine.read("etc/systemd/system/llm-classroom-backup.service.d/aws.conf").splitlines()[1] == (
        "ExecStartPost=-+/usr/bin/aws cloudwatch put-metric-data "
        f"--region {REGION} --namespace sets-up --metric-name backups --value 1"
    )
    restarted = machine.calls.index("systemctl restart llm-classroom.service")
    assert machine.calls.index("systemctl start llm-classroom-backup.service") > restarted
    assert machine.called("amazon-cloudwatch-agent-ctl") == [
        "amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c ssm:/sets-up/cloudwatch-agent"
    ]
    # It waits for the site itself, through its name and its certificate.
    assert machine.called("curl")[-1].endswith(
        "--resolve class.example.kr:443:127.0.0.1 https://class.example.kr/health"
    )
    assert machine.calls[-1].startswith("aws cloudformation signal-resource --stack-name sets-up")


@pytest.mark.parametrize(
    ("what", "parameters", "said"),
    [
        ("another-release", {"ReleaseSha256": "0" * 64}, "checksum did NOT match"),
        ("no-release", {"ReleaseUrl": "{address}/gone.deb"}, "error: 404"),
    ],
)
def test_what_is_not_the_release_is_not_installed(aws, release, tmp_path, what, parameters, said):
    parameters = {key: value.format(address=release.address) for key, value in parameters.items()}
    script, stack = user_data_of_single(aws, release, what, **parameters)
    machine = Machine(tmp_path, script, release, address=stack.PublicAddress)
    assert machine.code and said in machine.output, machine.output
    assert machine.signalled() == ["FAILURE"]
    assert machine.called("install.sh") == [] and not (machine.root / "usr").exists()
    assert machine.called("aws ssm") == [], "the key is not fetched for nothing"


def test_an_agent_that_amazon_did_not_sign_is_not_installed(aws, release, tmp_path):
    script, stack = user_data_of_single(aws, release, "unsigned-agent")

    class Forged(release):
        fingerprint = "0" * 40

    machine = Machine(tmp_path, script, Forged, address=stack.PublicAddress)
    assert machine.code and machine.signalled() == ["FAILURE"]
    assert not (machine.root / "opt").exists()


def test_a_site_that_does_not_answer_is_no_success(aws, release, tmp_path):
    script, stack = user_data_of_single(aws, release, "silent")
    machine = Machine(tmp_path, script, release, address=stack.PublicAddress, sick=22)
    assert machine.code and machine.signalled() == ["FAILURE"]


def test_a_name_that_leads_elsewhere_gets_no_certificate(aws, release, tmp_path):
    script, stack = user_data_of_single(aws, release, "elsewhere")
    machine = Machine(tmp_path, script, release, address="192.0.2.1")
    assert machine.code and machine.signalled() == ["FAILURE"]
    assert f"doesn't lead to {stack.PublicAddress}" in machine.output
    assert len(machine.called("sleep 5")) == 240 and machine.called("install.sh") == []


# ---- Many machines.


FLEET = {
    "Domain": "class.example.kr",
    "Email": "teacher@example.kr",
    "ReleaseUrl": "https://example.kr/llm-classroom_0.1.0_amd64.deb",
    "ReleaseSha256": "a" * 64,
    # Else moto keeps what is to be deleted.
    "Protected": "false",
}


@pytest.fixture(scope="module")
def fleet(aws):
    """The stack of many machines."""
    certificate = aws.acm.request_certificate(DomainName="class.example.kr", ValidationMethod="DNS")["CertificateArn"]
    stack = Stack(aws, "fleet", "fleet.yaml", **FLEET, CertificateArn=certificate)
    stack.certificate = certificate
    return stack


def attributes(listed):
    return {one["Key"]: one["Value"] for one in listed["Attributes"]}


def test_the_fleets_outputs_are_what_was_made(aws, fleet):
    (balancer,) = aws.elbv2.describe_load_balancers(LoadBalancerArns=[fleet.BalancerArn])["LoadBalancers"]
    assert (balancer["Scheme"], balancer["Type"]) == ("internet-facing", "application")
    assert balancer["DNSName"] == fleet.BalancerAddress
    (targets,) = aws.elbv2.describe_target_groups(TargetGroupArns=[fleet.TargetGroupArn])["TargetGroups"]
    assert targets["LoadBalancerArns"] == [fleet.BalancerArn]
    group = group_of(aws, fleet)
    assert group["TargetGroupARNs"] == [fleet.TargetGroupArn]
    assert (group["MinSize"], group["MaxSize"], group["HealthCheckType"]) == (2, 6, "ELB")
    assert aws.ec2.describe_security_groups(GroupIds=[fleet.InstanceGroupId])["SecurityGroups"]
    assert aws.iam.get_role(RoleName=fleet.RoleName)
    assert database_of(aws, fleet)["Endpoint"]["Address"] == fleet.DatabaseEndpoint
    assert fleet.CacheEndpoint.startswith(f"master.{fleet.resources['Cache']}.")
    for bucket in (fleet.BackupBucketName, fleet.AccessLogBucketName):
        assert_bucket_is_safe(aws, bucket)
    assert aws.logs.describe_log_groups(logGroupNamePrefix=fleet.AppLogGroup)["logGroups"][0]["retentionInDays"] == 30
    subscriptions = aws.sns.list_subscriptions_by_topic(TopicArn=fleet.AlarmTopicArn)["Subscriptions"]
    assert [one["Endpoint"] for one in subscriptions] == ["teacher@example.kr"]
    assert fleet.Url == "https://class.example.kr/"
    assert set(fleet.outputs) == {
        "Url", "BalancerAddress", "BalancerArn", "TargetGroupArn", "AutoScalingGroupName", "InstanceGroupId",
        "RoleName", "DatabaseEndpoint", "DatabaseUrlSecret", "CacheEndpoint", "CacheUrlSecret", "FirewallArn",
        "BackupBucketName", "AccessLogBucketName", "AppLogGroup", "AlarmTopicArn",
    }  # fmt: skip


def group_of(aws, fleet):
    named = [fleet.AutoScalingGroupName]
    return aws.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=named)["AutoScalingGroups"][0]


def database_of(aws, fleet):
    return aws.rds.describe_db_instances(DBInstanceIdentifier=fleet.resources["Database"])["DBInstances"][0]


def machine_of(aws, fleet):
    """What each machine of the fleet is made from."""
    template = group_of(aws, fleet)["LaunchTemplate"]
    versions = aws.ec2.describe_launch_template_versions(
        LaunchTemplateId=template["LaunchTemplateId"], Versions=[template["Version"]]
    )
    return versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]


def test_the_balancer_suits_streams(aws, fleet):
    said = attributes(aws.elbv2.describe_load_balancer_attributes(LoadBalancerArn=fleet.BalancerArn))
    idle = int(said["idle_timeout.timeout_seconds"])
    settings = (ROOT / "src/config/mod.rs").read_text()
    limits = (ROOT / "src/config/time_limits.rs").read_text()
    answer = re.search(r"const ANSWER: \[f64; 2\] = \[(\d+)", limits)
    beside = re.search(r"const BESIDE_ANSWER: f64 = (\d+)", limits)
    answers = int(answer[1]) + int(beside[1])
    after = re.search(r"request_timeout\(\).saturating_add\(Duration::from_secs\((\d+)\)", settings)
    closes = answers + int(after[1])
    comment = re.search(
        r"KEEP_ALIVE: Duration = Duration::from_secs\((\d+)\)", (ROOT / "src/http/api/events.rs").read_text()
    )
    assert 2 * int(comment[1]) < answers < idle < closes
    assert said["routing.http2.enabled"] == said["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert (said["access_logs.s3.enabled"], said["access_logs.s3.bucket"]) == ("true", fleet.AccessLogBucketName)
    policy = json.loads(aws.s3.get_bucket_policy(Bucket=fleet.AccessLogBucketName)["Policy"])["Statement"]
    (writes,) = [one for one in policy if one["Effect"] == "Allow"]
    assert writes["Action"] == "s3:PutObject" and writes["Resource"] == (
        f"arn:aws:s3:::{fleet.AccessLogBucketName}/{said['access_logs.s3.prefix']}/AWSLogs/123456789012/*"
    )
    said = attributes(aws.elbv2.describe_target_group_attributes(TargetGroupArn=fleet.TargetGroupArn))
    # Who reads an answer along may read it to the end, which the program takes at most so long to reach.
    grace = int(re.search(r"SHUTDOWN_GRACE_SECONDS=(\d+)", script_of(aws, fleet))[1])
    stop = int(re.search(r"TimeoutStopSec=(\d+)", script_of(aws, fleet))[1])
    assert 120 <= grace < stop <= int(said["deregistration_delay.timeout_seconds"])
    assert said["stickiness.enabled"] == "false"
    (targets,) = aws.elbv2.describe_target_groups(TargetGroupArns=[fleet.TargetGroupArn])["TargetGroups"]
    assert (targets["HealthCheckPath"], targets["Port"], targets["Protocol"]) == ("/health", 8000, "HTTP")


def test_the_fleet_is_spoken_to_in_tls_alone(aws, fleet):
    listed = {one["Port"]: one for one in aws.elbv2.describe_listeners(LoadBalancerArn=fleet.BalancerArn)["Listeners"]}
    assert set(listed) == {80, 443}
    (action,) = listed[80]["DefaultActions"]
    assert (action["Type"], action["RedirectConfig"]["Protocol"], action["RedirectConfig"]["StatusCode"]) == (
        "redirect", "HTTPS", "HTTP_301",
    )  # fmt: skip
    assert listed[443]["Certificates"][0]["CertificateArn"] == fleet.certificate
    assert "TLS13" in listed[443]["SslPolicy"]
    assert listed[443]["DefaultActions"][0]["TargetGroupArn"] == fleet.TargetGroupArn


def test_each_part_of_the_fleet_is_reached_by_the_one_before_alone(aws, fleet):
    ids = {name: fleet.resources[name] for name in ("BalancerGroup", "InstanceGroup", "DatabaseGroup", "CacheGroup")}
    found = aws.ec2.describe_security_groups(GroupIds=list(ids.values()))["SecurityGroups"]
    let_in = {one["GroupId"]: open_ports(one["IpPermissions"]) for one in found}
    assert let_in == {
        ids["BalancerGroup"]: {(80, "0.0.0.0/0"), (443, "0.0.0.0/0")},
        ids["InstanceGroup"]: {(8000, ids["BalancerGroup"])},
        ids["DatabaseGroup"]: {(5432, ids["InstanceGroup"])},
        ids["CacheGroup"]: {(6379, ids["InstanceGroup"])},
    }
    let_out = {one["GroupId"]: {port for port, _ in open_ports(one["IpPermissionsEgress"])} for one in found}
    assert let_out[ids["BalancerGroup"]] == {8000} and let_out[ids["DatabaseGroup"]] == let_out[ids["CacheGroup"]] == {
        1
    }
    assert database_of(aws, fleet)["PubliclyAccessible"] is False
    assert [one["VpcSecurityGroupId"] for one in database_of(aws, fleet)["VpcSecurityGroups"]] == [ids["DatabaseGroup"]]
    # No route leads out of the databases' subnets.
    (table,) = aws.ec2.describe_route_tables(RouteTableIds=[fleet.resources["PrivateRouteTable"]])["RouteTables"]
    assert {one.get("GatewayId") for one in table["Routes"]} == {"local"}
    associated = {one.get("SubnetId") for one in table["Associations"]}
    assert {fleet.resources["PrivateSubnetA"], fleet.resources["PrivateSubnetB"]} <= associated


def test_the_fleets_machines_are_closed_and_encrypted(aws, fleet):
    machine = machine_of(aws, fleet)
    assert "KeyName" not in machine
    assert (machine["MetadataOptions"]["HttpTokens"], machine["MetadataOptions"]["HttpPutResponseHopLimit"]) == (
        "required",
        1,
    )
    (disk,) = machine["BlockDeviceMappings"]
    assert (disk["Ebs"]["Encrypted"], disk["Ebs"]["VolumeType"]) == (True, "gp3")
    assert machine["NetworkInterfaces"][0]["Groups"] == [fleet.InstanceGroupId]
    zones = {
        one["AvailabilityZone"]
        for one in aws.ec2.describe_subnets(SubnetIds=group_of(aws, fleet)["VPCZoneIdentifier"].split(","))["Subnets"]
    }
    assert len(zones) == 2


def test_the_fleets_data_is_encrypted_and_kept(aws, fleet):
    database = database_of(aws, fleet)
    assert (database["Engine"], database["EngineVersion"].split(".")[0]) == ("postgres", "16")
    assert database["StorageEncrypted"] and database["MultiAZ"] and database["BackupRetentionPeriod"] == 14
    (cache,) = aws.elasticache.describe_replication_groups(ReplicationGroupId=fleet.resources["Cache"])[
        "ReplicationGroups"
    ]
    assert cache["TransitEncryptionEnabled"] and cache["AtRestEncryptionEnabled"] and cache["AuthTokenEnabled"]
    # A deleted database leaves a picture of itself, and by itself the stack refuses to delete it.
    said = template("fleet.yaml")
    assert said["Resources"]["Database"]["DeletionPolicy"] == "Snapshot"
    assert said["Resources"]["Database"]["Properties"]["DeletionProtection"] == {"Ref": "Protected"}
    assert said["Parameters"]["Protected"]["Default"] == "true"


def test_the_programs_addresses_are_secrets_that_fit(aws, fleet):
    def secret(arn):
        return aws.secretsmanager.get_secret_value(SecretId=arn)["SecretString"]

    database = urllib.parse.urlsplit(secret(fleet.DatabaseUrlSecret))
    password = json.loads(secret(fleet.resources["DatabaseSecret"]))["password"]
    assert (database.scheme, database.username, database.password) == ("postgres", "classroom", password)
    assert (database.hostname, database.port) == (fleet.DatabaseEndpoint.lower(), 5432)
    assert dict(urllib.parse.parse_qsl(database.query))["sslmode"] == "verify-full"
    cache = urllib.parse.urlsplit(secret(fleet.CacheUrlSecret))
    assert (cache.scheme, cache.hostname, cache.port) == ("rediss", fleet.CacheEndpoint.lower(), 6379)
    assert cache.password == json.loads(secret(fleet.resources["CacheSecret"]))["password"]
    assert re.fullmatch("[A-Za-z0-9]{40}", password) and cache.password != password
    # They are in no machine's user data, which everybody who may describe it can read.
    assert password not in script_of(aws, fleet) and cache.password not in script_of(aws, fleet)


def test_the_fleets_machines_may_do_little(aws, fleet):
    allowed = assert_least(aws, fleet.RoleName)
    assert allowed["Secrets"]["Resource"] == [fleet.DatabaseUrlSecret, fleet.CacheUrlSecret]
    assert allowed["Secrets"]["Action"] == ["secretsmanager:GetSecretValue"]


def test_the_fleet_grows_with_the_streams_in_flight(aws, fleet):
    policies = aws.autoscaling.describe_policies(AutoScalingGroupName=fleet.AutoScalingGroupName)["ScalingPolicies"]
    targets = [one["TargetTrackingConfiguration"] for one in policies]
    (streams,) = [one for one in targets if "CustomizedMetricSpecification" in one]
    wanted, target = streams["CustomizedMetricSpecification"], streams["TargetValue"]
    assert target == 200
    # The agent of each machine makes just that figure.
    agent = json.loads(aws.ssm.get_parameter(Name="/fleet/cloudwatch-agent")["Parameter"]["Value"])
    emf = agent["logs"]["metrics_collected"]["prometheus"]["emf_processor"]
    (declared,) = emf["metric_declaration"]
    assert wanted["Namespace"] == emf["metric_namespace"]
    assert [re.fullmatch(one, wanted["MetricName"]) is not None for one in declared["metric_selectors"]] == [True]
    assert declared["dimensions"] == [[one["Name"] for one in wanted["Dimensions"]]]
    scrape = yaml.safe_load(re.search(r"<<'SCRAPE'\n(.*?)^SCRAPE$", script_of(aws, fleet), re.S | re.M)[1])
    (job,) = scrape["scrape_configs"]
    assert re.fullmatch(declared["label_matcher"], job["job_name"])
    (where,) = job["static_configs"]
    assert where["labels"] == {one["Name"]: one["Value"] for one in wanted["Dimensions"]}
    assert f"METRICS_ADDR={where['targets'][0]}\n" in script_of(aws, fleet)
    assert [one["regex"] for one in job["metric_relabel_configs"]] == [wanted["MetricName"]]
    assert [one["PredefinedMetricSpecification"]["PredefinedMetricType"] for one in targets if one is not streams] == [
        "ASGAverageCPUUtilization"
    ]


def test_an_update_goes_from_machine_to_machine_by_health():
    said = template("fleet.yaml")["Resources"]["Instances"]
    rolling = said["UpdatePolicy"]["AutoScalingRollingUpdate"]
    assert rolling["WaitOnResourceSignals"] and rolling["MaxBatchSize"] == 1
    assert rolling["MinInstancesInService"] == {"Ref": "MinInstances"}
    assert {"HealthCheck", "ReplaceUnhealthy", "AZRebalance", "AlarmNotification"} <= set(rolling["SuspendProcesses"])
    assert said["CreationPolicy"]["ResourceSignal"]["Count"] == {"Ref": "MinInstances"}
    # What is deployed is in the template, so a new release is a new version of it.
    script = template("fleet.yaml")["Resources"]["Template"]["Properties"]["LaunchTemplateData"]["UserData"]
    assert "${ReleaseSha256}" in script["Fn::Base64"]["Sub"]


def test_the_firewall_lets_a_whole_school_in(aws, fleet):
    name, id_, scope = fleet.resources["Firewall"].split("|")
    firewall = aws.wafv2.get_web_acl(Name=name, Id=id_, Scope=scope)["WebACL"]
    assert firewall["ARN"] == fleet.FirewallArn and "Allow" in firewall["DefaultAction"]
    rules = {one["Name"]: one for one in firewall["Rules"]}
    rate = rules["requests-per-address"]
    limit = rate["Statement"]["RateBasedStatement"]
    # 1,000 students behind one address who open a page and send a question a minute each.
    assert (limit["AggregateKeyType"], limit["Limit"]) == ("IP", 20000) and "Block" in rate["Action"]
    assert limit["Limit"] >= 1000 * 5 * 3
    counted = {one["Name"] for one in rules["common"]["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]}
    assert {"SizeRestrictions_BODY", "CrossSiteScripting_BODY"} <= counted


def test_the_fleets_agents_settings_are_the_file_in_deploy(aws, fleet):
    value = json.loads(aws.ssm.get_parameter(Name="/fleet/cloudwatch-agent")["Parameter"]["Value"])
    file = (AWS / "cloudwatch-agent-fleet.json").read_text()
    ours = file.replace("/llm-classroom/app", "/fleet/app").replace("/llm-classroom/metrics", "/fleet/metrics")
    assert value == json.loads(ours.replace('"llm-classroom"', '"fleet"'))


def test_the_fleets_alarms_can_ring(aws, fleet):
    agent = json.loads((AWS / "cloudwatch-agent-fleet.json").read_text())
    alarms = assert_alarms_can_ring(aws, fleet, agent)
    assert set(alarms) == {
        "HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count", "UnHealthyHostCount", "GroupInServiceInstances",
        "CPUUtilization", "FreeStorageSpace", "DatabaseConnections", "DatabaseMemoryUsagePercentage", "Evictions",
        "errors", "turns_failed",
    }  # fmt: skip
    assert alarms["GroupInServiceInstances"]["Threshold"] == group_of(aws, fleet)["MaxSize"]
    # All connections of all machines, one more during an update, stay below the alarm.
    pool = int(re.search(r"DATABASE_POOL=(\d+)", script_of(aws, fleet))[1])
    assert pool * (group_of(aws, fleet)["MaxSize"] + 1) < alarms["DatabaseConnections"]["Threshold"]


def script_of(aws, fleet):
    """The script with which each machine starts."""
    return base64.b64decode(machine_of(aws, fleet)["UserData"]).decode()


def test_a_machine_of_the_fleet_sets_itself_up(aws, fleet, release, tmp_path):
    script = script_of(aws, fleet)
    assert_shellcheck_finds_nothing(script, tmp_path)
    # The stack stands for others already, so the release is put in here.
    script = script.replace(FLEET["ReleaseUrl"], f"{release.address}/llm-classroom.deb")
    machine = Machine(tmp_path, script.replace(FLEET["ReleaseSha256"], release.sha256), release)
    assert machine.code == 0, machine.output
    assert machine.signalled() == ["SUCCESS"]
    assert "--logical-resource-id Instances --unique-id i-0123456789abcdef0" in machine.calls[-1]
    secrets = {
        "OPENAI_API_KEY": "sk-a-secret-key\n",
        "DATABASE_URL": "a-secret-password",
        "REDIS_URL": "a-secret-password",
    }
    for name, text in secrets.items():
        assert text in machine.read(f"etc/llm-classroom/{name}")
        assert (machine.root / "etc/llm-classroom" / name).stat().st_mode & 0o777 == 0o600
        assert text.strip() not in machine.output + "\n".join(machine.calls)
    # Known before the package starts the program.
    order = [
        machine.calls.index(one)
        for one in (
            machine.called("aws secretsmanager")[-1],
            machine.called("systemctl daemon-reload")[0],
            next(call for call in machine.called("apt-get") if call.endswith("llm-classroom.deb")),
        )
    ]
    assert order == sorted(order)
    settings = dict(line.split("=", 1) for line in machine.read("etc/llm-classroom/fleet.env").splitlines())
    assert settings["TRUSTED_PROXIES"] == aws.ec2.describe_vpcs(VpcIds=[fleet.resources["Vpc"]])["Vpcs"][0]["CidrBlock"]
    assert settings["APP_BASE_URL"] == "https://class.example.kr" and settings["DATABASE_URL"] == ""
    assert settings["BACKUP_URL"] == f"s3://{fleet.BackupBucketName}/backups"
    unit = machine.read("etc/systemd/system/llm-classroom.service.d/fleet.conf")
    for name in ("DATABASE_URL", "REDIS_URL"):
        assert f"LoadCredential={name}:/etc/llm-classroom/{name}\n" in unit
    assert "ListenStream=\nListenStream=0.0.0.0:8000\n" in machine.read(
        "etc/systemd/system/llm-classroom.socket.d/fleet.conf"
    )
    assert machine.called("systemctl mask") == ["systemctl mask llm-classroom-backup.timer"]
    assert machine.read("etc/llm-classroom/rds-ca.pem") == "a certificate\n"
    assert machine.called("curl")[-1].endswith("http://127.0.0.1:8000/ready")


def test_a_deleted_fleet_leaves_nothing_but_backups_logs_and_a_picture_of_its_database(aws):
    certificate = aws.acm.request_certificate(DomainName="class.example.kr", ValidationMethod="DNS")["CertificateArn"]
    stack = Stack(aws, "passing", "fleet.yaml", **FLEET, CertificateArn=certificate)
    # Not everything of a fleet carries the name as a tag; what is asked for is there before.
    kinds = {
        "Vpcs", "Subnets", "RouteTables", "InternetGateways", "SecurityGroups", "Roles", "InstanceProfiles",
        "logGroups", "metricFilters", "Topics", "MetricAlarms", "Parameters", "Instances",
    }  # fmt: skip
    assert set(left(aws, "passing")) == kinds and sorted(left_of_fleet(aws, "passing")) == sorted(FLEET_KINDS)
    stack.delete()
    assert left(aws, "passing") == {} and left_of_fleet(aws, "passing") == {}
    kept = {one["Name"] for one in aws.s3.list_buckets()["Buckets"]}
    assert {stack.BackupBucketName, stack.AccessLogBucketName} <= kept
    pictures = aws.rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert [one["DBInstanceIdentifier"] for one in pictures].count(stack.resources["Database"]) == 1


FLEET_KINDS = [
    "LoadBalancers", "TargetGroups", "AutoScalingGroups", "DBInstances", "DBSubnetGroups", "ReplicationGroups",
    "SecretList", "WebACLs", "LaunchTemplates",
]  # fmt: skip


def left_of_fleet(aws, name):
    """What stands of a fleet beside what a small machine has, too."""
    listed = {
        "LoadBalancers": (aws.elbv2.describe_load_balancers(), "LoadBalancerName"),
        "TargetGroups": (aws.elbv2.describe_target_groups(), "TargetGroupName"),
        "AutoScalingGroups": (aws.autoscaling.describe_auto_scaling_groups(), "AutoScalingGroupName"),
        "DBInstances": (aws.rds.describe_db_instances(), "DBInstanceIdentifier"),
        "DBSubnetGroups": (aws.rds.describe_db_subnet_groups(), "DBSubnetGroupName"),
        "ReplicationGroups": (aws.elasticache.describe_replication_groups(), "ReplicationGroupId"),
        "SecretList": (aws.secretsmanager.list_secrets(), "Name"),
        "WebACLs": (aws.wafv2.list_web_acls(Scope="REGIONAL"), "Name"),
        "LaunchTemplates": (aws.ec2.describe_launch_templates(), "LaunchTemplateName"),
    }
    found = {kind: [one for one in said[kind] if name in one[key]] for kind, (said, key) in listed.items()}
    return {kind: some for kind, some in found.items() if some}


# ---- Figures from log lines.


CONDITION = re.compile(r"""\$\.(?:\['([^']+)'\]|([\w-]+)) *(=|>=) *(?:"([^"]*)"|(\d+))""")


def matches(pattern, line):
    """Whether CloudWatch's pattern takes a line: the few forms of it that the templates use, as its reference says."""
    inside = re.fullmatch(r"\{ (.*) \}", pattern)[1]
    try:
        said = json.loads(line)
    except json.JSONDecodeError:
        return False
    for one in inside.split(" && "):
        quoted, plain, operator, text, number = CONDITION.fullmatch(one).groups()
        value = said.get(quoted or plain)
        # A name with a dot is one name in brackets, and a path without them.
        if operator == "=" and number is None:
            fits = value == text
        else:
            fits = isinstance(value, int | float) and value >= int(number)
        if not fits:
            return False
    return True


def patterns(file):
    return {
        name: one["Properties"]
        for name, one in template(file)["Resources"].items()
        if one["Type"] == "AWS::Logs::MetricFilter"
    }


def ask(program, message):
    """Lets a student ask, and waits until the turn has ended."""
    student = requests.Session()
    conversation = student.post(f"{program.url}/api/v1/conversations", json={"topic": "광합성"}).json()["id"]
    asked = student.post(
        f"{program.url}/api/v1/conversations/{conversation}/turns",
        json={"message": message},
        headers={"Idempotency-Key": "one"},
    )
    assert asked.status_code == 202, asked.text
    program.wait_for_output('"a turn ended"')
    (line,) = [line for line in program.output().splitlines() if '"a turn ended"' in line]
    return line


def test_figures_come_from_the_lines_that_the_program_logs(classroom):
    single, fleet = patterns("single.yaml"), patterns("fleet.yaml")
    assert {name: one["FilterPattern"] for name, one in fleet.items()} == {
        name: one["FilterPattern"] for name, one in single.items() if name != "ServerErrorFilter"
    }
    well = classroom(LOG_FORMAT="json")
    # Nobody serves a model there.
    ill = classroom(
        LOG_FORMAT="json",
        OPENAI_BASE_URL=f"http://127.0.0.1:{free_port()}/v1",
        MODEL_RETRIES="0",
    )
    secret = "나는 왜 파란 하늘이 좋을까요"
    good, bad = ask(well, secret), ask(ill, secret)
    # An operator deletes its database.
    ill.log.parent.joinpath("data/llm-classroom.db").unlink()
    assert requests.get(f"{ill.url}/ready", timeout=5).status_code == 503
    ill.wait_for_output("the store does not answer")

    def taken_by(name, lines):
        return [line for line in lines if matches(single[name]["FilterPattern"], line)]

    of_both = well.output().splitlines() + ill.output().splitlines()
    assert taken_by("FailedTurnFilter", of_both) == [bad]
    assert taken_by("TurnFilter", of_both) == [good, bad]
    errors = taken_by("ErrorFilter", of_both)
    assert errors and all("the store does not answer" in line or "the database is away" in line for line in errors)
    # The figure is in the line under the name that it's taken from.
    (made,) = single["TurnFilter"]["MetricTransformations"]
    field = re.fullmatch(r"\$\.\['(.*)'\]", made["MetricValue"])[1]
    assert 0 < json.loads(good)[field] < 60_000
    # What goes to CloudWatch holds no word of the student.
    assert secret not in well.output() + ill.output() and "광합성" not in well.output() + ill.output()


def test_server_errors_are_counted_from_nginxs_lines():
    pattern = patterns("single.yaml")["ServerErrorFilter"]["FilterPattern"]
    line = '{{"time":"2026-03-02T09:00:00+09:00","method":"GET","path":"/","status":{},"upstream_status":"{}"}}'
    taken = {
        status: matches(pattern, line.format(status, status)) for status in (200, 304, 404, 429, 500, 502, 503, 504)
    }
    assert taken == {status: status >= 500 for status in taken}


# ---- The guide.

GUIDE = ROOT / "docs" / "ko" / "aws.md"


def test_the_guides_commands_work_in_their_order(aws, tmp_path):
    blocks = re.findall(r"^```bash\n(.*?)^```$", GUIDE.read_text(), re.S | re.M)
    # The one that looks into a stack's log comes after the stack was deleted in the guide's order.
    blocks.sort(key=lambda block: "delete-stack --stack-name llm-classroom" in block)
    (tmp_path / "deploy").symlink_to(DEPLOY)
    for version in ("0.1.0", "0.1.1"):
        name = f"llm-classroom_{version}_amd64.deb"
        (tmp_path / f"{name}.sha256").write_text(f"{version[-1] * 64}  {name}\n")
    environment = {
        "PATH": f"{os.path.dirname(sys.executable)}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": aws.address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_PAGER": "",
    }
    # `shred -u` and the rest leave no key behind; the key is typed.
    script = "set -euo pipefail\nset -x\n" + "\n".join(blocks)
    done = run("bash", "-c", script, cwd=tmp_path, env=environment, input="sk-typed-in\n")
    assert not (tmp_path / "key.txt").exists()
    for name in ("llm-classroom", "classroom-fleet"):
        assert left(aws, name) == {}, done.stdout


def test_the_guides_costs_are_what_the_table_says():
    printed = run(sys.executable, AWS / "costs.py").stdout
    assert re.search(r"<!-- costs -->\n(.*)<!-- /costs -->", GUIDE.read_text(), re.S)[1] == printed
