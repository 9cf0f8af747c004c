"""The AWS templates: created from boto3 over a socket against moto's server, read back, and deleted."""

import base64
import hashlib
import json
import os
import re
import sys

import boto3
import botocore
import pytest
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
        server.until_it_says("Running on")

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
            said = aws.server.said()[-6000:]
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
            said.append({key: [value] if isinstance(value, str) and key in ("Action", "Resource") else value
                         for key, value in one.items()})
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
    assert (made["MetadataOptions"]["HttpTokens"], made["MetadataOptions"]["HttpPutResponseHopLimit"]) == ("required", 1)


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


def assert_alarms_can_ring(aws, stack, agent):
    """Each alarm tells the topic, and watches a figure that somebody makes."""
    filters = aws.logs.describe_metric_filters()["metricFilters"]
    made = {one["metricName"] for each in filters for one in each["metricTransformations"]} | figures(agent)
    alarms = [one for one in aws.cloudwatch.describe_alarms()["MetricAlarms"]
              if one["AlarmName"] in stack.resources.values()]
    for alarm in alarms:
        assert stack.AlarmTopicArn in alarm["AlarmActions"] and alarm["OKActions"] == [stack.AlarmTopicArn], alarm
        if alarm.get("Namespace") == stack.name:
            assert alarm["MetricName"] in made, alarm
    return {alarm["MetricName"]: alarm for alarm in alarms if "MetricName" in alarm}


def test_the_small_machines_alarms_can_ring(aws, single):
    agent = json.loads((AWS / "cloudwatch-agent.json").read_text())
    alarms = assert_alarms_can_ring(aws, single, agent)
    assert f"arn:aws:automate:{REGION}:ec2:recover" in alarms["StatusCheckFailed_System"]["AlarmActions"]
    assert set(alarms) == {
        "StatusCheckFailed_System", "StatusCheckFailed_Instance", "CPUCreditBalance", "disk_used_percent",
        "mem_used_percent", "responses_5xx", "turns_failed",
    }  # fmt: skip


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
    named = [{"Name": "tag:Name", "Values": [name]}]
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
    run(*gpg, "--detach-sign", "--output", agent / "amazon-cloudwatch-agent.deb.sig", agent / "amazon-cloudwatch-agent.deb")
    (folder / "assets").mkdir()
    run(*gpg, "--armor", "--output", folder / "assets/amazon-cloudwatch-agent.gpg", "--export")
    (folder / "rds-ca.pem").write_text("a certificate\n")
    listed = run(*gpg, "--with-colons", "--list-keys").stdout
    run("gpgconf", "--homedir", home, "--kill", "all")
    port = free_port()
    server = Process([sys.executable, "-u", "-m", "http.server", port, "--bind", "127.0.0.1"], folder)
    server.until_it_says("Serving HTTP")

    class Release:
        address = f"http://127.0.0.1:{port}"
        sha256 = hashlib.sha256((folder / "llm-classroom.deb").read_bytes()).hexdigest()
        fingerprint = re.search(r"^fpr:+([0-9A-F]{40}):", listed, re.M)[1]
        asked = server.said

    yield Release
    server.end()


RECORDER = """#!/bin/bash
{ printf '%s' "$(basename "$0")"; printf ' %s' "$@"; echo; } >>"$CALLS"
"""
"""Stands for a program that would change the machine: says in a file how it was called."""

INSTALLER = RECORDER + """
while (($#)); do
    case $1 in
        --key-file) stat -c 'key file: %a' "$2" >>"$CALLS"; cp "$2" "$MACHINE/key-as-installed" ;;
        --package) sha256sum "$2" | cut -d' ' -f1 | sed 's/^/package: /' >>"$CALLS" ;;
    esac
    shift
done
"""

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
        */health) exit "$SICK" ;;
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
        script = script.replace("https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem", f"{release.address}/rds-ca.pem")
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
    assert "${" not in script.replace("$((", ""), "something was not filled in"
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
        r"install.sh --domain class.example.kr --email teacher@example.kr --key-file \S+/key --package \S+/llm-classroom.deb",
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
    assert settings == ["TRUSTED_PROXIES=127.0.0.1", f"BACKUP_URL={stack.BackupUrl}", f"AWS_REGION={REGION}", "LOG_FORMAT=json"]
    assert "IPAddressDeny=169.254.169.254/32" in machine.read("etc/systemd/system/llm-classroom.service.d/aws.conf")
    assert machine.called("amazon-cloudwatch-agent-ctl") == [
        "amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c ssm:/sets-up/cloudwatch-agent"
    ]
    # It waits for the site itself, through its name and its certificate.
    assert machine.called("curl")[-1].endswith("--resolve class.example.kr:443:127.0.0.1 https://class.example.kr/health")
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


def test_x(fleet):
    print(fleet.outputs)
