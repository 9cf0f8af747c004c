"""The AWS templates: created from boto3 over a socket against moto's server, read back, and deleted."""

import base64
import json
import os
import re
import sys

import boto3
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
        except Exception as error:
            aws.server.until_it_says("Traceback")
            raise AssertionError(f"{file} can't be created; the server says\n{aws.server.said()[-6000:]}") from error
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
